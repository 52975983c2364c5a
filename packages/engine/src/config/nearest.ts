/**
 * Near misses: which known name was probably meant. Used wherever a name is not known. Never suggests a name that
 * differs in more than a third of its letters.
 */

/** The closest of `names`, or undefined when none is close. Ties go to the first. */
export function nearest(name: string, names: Iterable<string>): string | undefined {
  let best: string | undefined
  let limit = Math.max(1, Math.floor(name.length / 3))
  const wanted = name.toLowerCase()
  for (const candidate of names) {
    if (Math.abs(candidate.length - name.length) > limit) continue
    const distance = editDistance(wanted, candidate.toLowerCase(), limit)
    if (distance <= limit) {
      best = candidate
      limit = distance - 1
      if (limit < 0) break
    }
  }
  return best
}

/** Insertions, deletions, replacements and swaps of neighbours; anything above `limit` once it is clear. */
function editDistance(a: string, b: string, limit: number): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    let smallest = row
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1] ? 0 : 1
      let cost = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + same)
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        cost = Math.min(cost, before[column - 2]! + 1)
      }
      current.push(cost)
      smallest = Math.min(smallest, cost)
    }
    if (smallest > limit) return smallest
    before = last
    last = current
  }
  return last[b.length]!
}

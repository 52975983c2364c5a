// Starts a program that ends when this process ends, however that happens: a crash, SIGKILL, a test runner's hard stop.
// Called for the JVM of a Kafka broker. Needs a POSIX shell, nothing else.
// Must never end a process it did not start: it is told when the program has ended, before its id can be given away.

import { spawn } from 'node:child_process'

// The shell that becomes the program leaves a subshell reading a pipe from us. A line on it means that the program has
// ended; its end without a line means that we have, so the program is stopped and its directory removed.
const script = `
  program=$$ dir=$1; shift
  (
    read -r line <&3 && exit
    kill -TERM $program
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do kill -0 $program || break; sleep 1; done
    kill -KILL $program
    test -z "$dir" || rm -rf -- "$dir"
  ) >/dev/null 2>&1 &
  exec "$@" 3<&-
`

/**
 * The program runs in a session of its own: Ctrl-C at a terminal reaches only us, and we stop it in order.
 * @param {string[]} command
 * @param {number} log file descriptor for both output streams
 * @param {string} dir removed if this process ends first; empty: none
 */
export function spawnWatched(command, log, dir) {
  const stdio = /** @type {const} */ (['ignore', log, log, 'pipe'])
  const child = spawn('sh', ['-c', script, 'sh', dir, ...command], { detached: true, stdio: [...stdio] })
  const pipe = /** @type {import('node:net').Socket} */ (child.stdio[3])
  pipe.on('error', () => {})
  child.on('exit', () => pipe.end('ended\n'))
  return child
}

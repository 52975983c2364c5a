// Ends this process, in order, when the npm or the shell that runs it is gone. npm passes signals on to the shell only, so
// package.json says `exec`; a shell that stays nevertheless dies of SIGTERM alone, and nobody passes SIGKILL on.
// Called by what `npm run` runs for long. Must do nothing elsewhere: who starts it in the background may leave.

const lookMs = 500

export function endWithNpm() {
  if (process.env.npm_lifecycle_event === undefined) return
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    process.kill(process.pid, 'SIGTERM')
  }, lookMs)
  timer.unref()
}

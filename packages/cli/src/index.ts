export { loadRegistry } from './modules.ts'
export { standard } from './standard.ts'

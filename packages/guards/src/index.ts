export { jwt } from './jwt/guard.ts'

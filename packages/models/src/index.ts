export { filesystem } from './catalog/filesystem.ts'
export { inline } from './catalog/inline.ts'
export { checkModel, compileModel, isLenient, type Model, type ModelFinding, type ModelObject } from './model.ts'
export type { Validator } from './validator.ts'

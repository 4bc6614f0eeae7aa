// What the build puts in: the module of a Worker, and the same bytes as base64.

declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}

declare module "#wasm" {
  const base64: string;
  export default base64;
}

declare module "#key" {
  const base64: string;
  export default base64;
}

declare module "*/wasm.cjs" {
  const base64: string;
  export default base64;
}

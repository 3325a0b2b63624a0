// Grafana's packages carry code for a Node-like bundler: they read process.env and global.
import { defineConfig } from 'vite';

export default defineConfig({
  base: './',
  define: { 'process.env': {}, global: 'globalThis' },
  build: { chunkSizeWarningLimit: 20000, sourcemap: false, reportCompressedSize: false },
});

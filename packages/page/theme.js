// Sets the colours that the reader has chosen (components/ui-state.ts). It is a script of its own,
// because a module would run after the first paint.
try {
  document.documentElement.style.colorScheme = localStorage['sluice-theme']
} catch {
  // Denied.
}

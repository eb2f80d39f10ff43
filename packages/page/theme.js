// Applies the colours that the user has chosen (storage/theme.ts). This is a classic script,
// because a module would run only after the first paint.
try {
  document.documentElement.style.colorScheme = localStorage['sluice-theme']
} catch {
  // The browser denies storage.
}

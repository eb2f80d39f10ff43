// Runs before anything is painted, as the page's module cannot: in the colours that its reader has chosen (components/view.ts).
try {
  document.documentElement.style.colorScheme = localStorage['sluice-theme']
} catch {
  // Denied.
}

// The theme: light, dark, or as the system says. The reader's choice is kept in localStorage.

/** The icon of the page. It lies beside this file, whatever the path is. */
export const ICON = new URL('./favicon.svg', import.meta.url).href;

const KEY = 'rolling-router.theme';
const CHOICES = ['system', 'light', 'dark'];

/** The chosen theme. */
export function theme() {
	const kept = localStorage.getItem(KEY);
	return CHOICES.includes(kept) ? kept : 'system';
}

/** Puts the chosen theme into effect. */
export function applyTheme() {
	document.documentElement.dataset.theme = theme();
}

/** Goes on to the next of system, light, dark. */
export function nextTheme() {
	localStorage.setItem(KEY, CHOICES[(CHOICES.indexOf(theme()) + 1) % CHOICES.length]);
	applyTheme();
	return theme();
}

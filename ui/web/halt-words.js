// Puts into words that requests of an app wait or are answered by a page. Pure.

import { ago, duration } from './format.js';

/** That an app is paused or stopped, by whom; empty when its requests go on. */
export function describeHalt(halt) {
	if (!halt) return '';
	if (halt.kind === 'pause') return `paused for ${duration(halt.seconds)} by ${halt.by}`;
	return `stopped by ${halt.by}${halt.message ? `: “${halt.message}”` : ''}`;
}

/** The same for the page of the app, with what it means for users. */
export function explainHalt(halt, now) {
	if (!halt) return '';
	const means = halt.kind === 'pause'
		? 'Requests wait until it is resumed. Those that have waited for the whole length get 503, and so do later ones.'
		: 'Every request gets 503 and a page until it is resumed. Testers with a preview link still reach the app.';
	return `⚠ The app was ${describeHalt(halt)}, ${ago(halt.at, now)}. ${means}`;
}

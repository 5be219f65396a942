// Two live regions for screen readers: one for changes, which are said politely, one for failures, which are said at once.

import { h, setText } from '../dom.js';

/** Builds the regions. `say(text, {urgent})` speaks. */
export function announcer() {
	const polite = h('div', { role: 'status', 'aria-live': 'polite', class: 'only-heard' });
	const urgent = h('div', { role: 'alert', class: 'only-heard' });
	return {
		element: h('div', {}, polite, urgent),
		say(text, options = {}) {
			const region = options.urgent ? urgent : polite;
			// The same text again would be no change and would not be said.
			setText(region, region.textContent === text ? `${text}\u00a0` : text);
		},
	};
}

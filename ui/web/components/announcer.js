// Two live regions that exist from the start: what changed is said once, politely; what failed, at once.

import { h, setText } from '../dom.js';

/** Makes the regions; `say(text, {urgent})` speaks. */
export function announcer() {
	const polite = h('div', { role: 'status', 'aria-live': 'polite', class: 'only-heard' });
	const urgent = h('div', { role: 'alert', class: 'only-heard' });
	return {
		element: h('div', {}, polite, urgent),
		say(text, options = {}) {
			const region = options.urgent ? urgent : polite;
			// The same words again would not be a change, and so not be said.
			setText(region, region.textContent === text ? `${text}\u00a0` : text);
		},
	};
}

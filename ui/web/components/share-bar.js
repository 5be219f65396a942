// A bar that shows the candidate's share.

import { h, setVar } from '../dom.js';

/** A bar of two parts: stable on the left, the candidate on the right. `update(percent)`; null is unknown. */
export function shareBar(testid) {
	const element = h('div.share-bar', { testid, 'aria-hidden': 'true' }, h('span.share-part'));
	return {
		element,
		update(value) {
			element.classList.toggle('is-unknown', typeof value !== 'number');
			setVar(element, '--share', `${typeof value === 'number' ? value : 0}%`);
		},
	};
}

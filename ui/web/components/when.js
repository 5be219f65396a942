// A point in time: relative in the text; complete, in the reader's time zone, in the title.

import { h, setAttr, setText } from '../dom.js';
import { ago, ahead, fullTime } from '../format.js';

/** A `<time>`; `update(at, now)` with Unix ms. `{future: true}` counts down instead. */
export function when({ future = false } = {}) {
	const element = h('time');
	return {
		element,
		update(at, now = Date.now()) {
			setText(element, future ? ahead(at, now) : ago(at, now));
			setAttr(element, 'datetime', typeof at === 'number' ? new Date(at).toISOString() : null);
			setAttr(element, 'title', typeof at === 'number' ? fullTime(at) : null);
		},
	};
}

// How far back the charts go.

import { h, setAttr } from '../dom.js';

const RANGES = [
	[0, '15 min'],
	[3600, '1 h'],
	[86_400, '24 h'],
];

/** `seconds()` is the range; 0: the last minutes, as the page sees them itself. `onChange` runs when another is chosen. */
export function rangeSwitch(onChange) {
	let chosen = 0;
	const buttons = RANGES.map(([seconds, label]) =>
		h('button', { type: 'button', class: 'preset', testid: `range-${seconds}`, on: { click: () => choose(seconds) } }, label),
	);
	function choose(seconds) {
		chosen = seconds;
		buttons.forEach((each, at) => setAttr(each, 'aria-pressed', String(RANGES[at][0] === chosen)));
		onChange();
	}
	buttons.forEach((each, at) => setAttr(each, 'aria-pressed', String(at === 0)));
	return {
		element: h('div.ranges', { role: 'group', 'aria-label': 'How far back the charts go' }, h('h2.panel-title', {}, 'Over time'), buttons),
		seconds: () => chosen,
	};
}

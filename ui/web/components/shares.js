// The configured, the drawn and the actual share of the candidate, and how often clients changed release.

import { describeMoves } from '../blend.js';
import { h, setText } from '../dom.js';
import { percent } from '../format.js';
import { shareBar } from './metric.js';

const DRAWN = 'How many of the recent new clients went to the candidate';
const ACTUAL = 'How many of the clients whose pins came back in the last minutes are on the candidate';
const MOVES = [
	'Clients that changed release at this router since it started. A bounce is the third move of a client within a day.',
	'Clients without a pin are those that never send one back: they are known by address and browser.',
].join(' ');

/** `update(state)`. */
export function shareList() {
	const rows = [
		shareRow('Configured', null, 'share-configured', ({ blend, shares }) => shares?.configured ?? blend),
		shareRow('Drawn', DRAWN, 'share-drawn', ({ shares }) => shares?.drawn),
		shareRow('Actual', ACTUAL, 'share-confirmed', ({ shares }) => shares?.confirmed),
	];
	const moves = h('p.quiet', { testid: 'moves', title: MOVES });
	const list = h(
		'dl.shares',
		{},
		rows.flatMap(({ elements }) => elements),
	);
	return {
		elements: [list, moves],
		update(state) {
			rows.forEach((row) => row.update(state));
			setText(moves, describeMoves(state.moves));
		},
	};
}

function shareRow(label, title, testid, read) {
	const bar = shareBar();
	const value = h('span.live-value', { testid });
	return {
		elements: [h('dt', { title }, label), h('dd', {}, bar.element, value)],
		update(state) {
			const share = read(state);
			bar.update(share);
			setText(value, percent(share));
		},
	};
}

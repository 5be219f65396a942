// The configured, the drawn and the actual share of the candidate, and how often clients changed release.

import { describeMoves } from '../blend.js';
import { h, setText } from '../dom.js';
import { percent } from '../format.js';

const DRAWN = 'How many of the recent new clients went to the candidate';
const ACTUAL = 'How many of the clients whose pins came back in the last minutes are on the candidate';
const MOVES = [
	'Clients that changed release at this router since it started. A bounce is the third move of a client within a day.',
	'Clients without a pin are those that never send one back: they are known by address and browser.',
].join(' ');

/** The line "Routing health". `update(state)`. */
export function shareLine() {
	const figures = [
		[null, 'share-configured', ({ blend, shares }) => shares?.configured ?? blend],
		[DRAWN, 'share-drawn', ({ shares }) => shares?.drawn],
		[ACTUAL, 'share-confirmed', ({ shares }) => shares?.confirmed],
	].map(([title, testid, read]) => ({ read, element: h('b.live-value', { title, testid }) }));
	const [configured, drawn, actual] = figures.map(({ element }) => element);
	const moves = h('span', { testid: 'moves', title: MOVES });
	return {
		element: h(
			'p.quiet.routing-health',
			{},
			'Routing health: set to ',
			configured,
			', new visitors ',
			drawn,
			', all visitors ',
			actual,
			'; ',
			moves,
		),
		update(state) {
			for (const { read, element } of figures) setText(element, percent(read(state)));
			setText(moves, describeMoves(state.moves));
		},
	};
}

// The blend as people type it: a percentage of 0..100 with at most two decimals. Pure.

import { count, plural } from './format.js';

const SHAPE = /^(\d{1,3})(?:[.,](\d*))?$/;

/** Reads typed text: `{value}` or `{error}`, the error written for who typed it. A comma is a decimal point. */
export function parseBlend(text) {
	const bare = String(text).trim().replace(/\s*%$/, '');
	if (bare === '') return { error: 'Type a percentage from 0 to 100.' };
	const match = SHAPE.exec(bare);
	if (!match) return { error: `“${bare}” is no percentage: type a number from 0 to 100, such as 12.5.` };
	const decimals = (match[2] ?? '').replace(/0+$/, '');
	if (decimals.length > 2) return { error: 'Two decimals at most: one client in 10,000 is the finest step.' };
	const value = Number(`${match[1]}.${decimals || '0'}`);
	if (value > 100) return { error: `${bare} is above 100.` };
	return { value };
}

/** A slider's position as a blend: whole percents, since a pointer is no finer. */
export function snapBlend(position) {
	return Math.min(100, Math.max(0, Math.round(Number(position))));
}

/** How often clients changed release, such as `0 bounces; 31 moves: 31 shielded`. */
export function movesWords({ total = 0, bounces = 0, reasons = {} } = {}) {
	const each = Object.entries(reasons)
		.sort((a, b) => b[1] - a[1])
		.map(([reason, n]) => `${count(n)} ${reason}`);
	return `${plural(bounces, 'bounce')}; ${plural(total, 'move')}${each.length ? `: ${each.join(', ')}` : ''}`;
}

/** What moving the blend does to clients, said before it is done. `transition` is the app's setting. */
export function whoMoves(from, to, transition = 'keep') {
	if (to === from) return 'No change.';
	const step = Math.round(Math.abs(to - from) * 100) / 100;
	if (transition === 'navigate')
		return `About ${step} of 100 clients, pinned ones too, go ${to > from ? 'to the candidate' : 'back to stable'} at their next page.`;
	return `No pinned client moves; ${step} of 100 ${to > from ? 'more' : 'fewer'} of the new clients go to the candidate.`;
}

// The blend as people type it: a percentage from 0 to 100 with at most two decimals. Pure.

import { count, plural } from './format.js';

const SHAPE = /^(\d{1,3})(?:[.,](\d*))?$/;
const ALLOWED = 'Type a number from 0 to 100, such as 12.5.';

/** Reads typed text: `{value}`, or `{error}` for the person who typed it. A comma is a decimal point. */
export function parseBlend(text) {
	const typed = String(text).trim().replace(/\s*%$/, '');
	if (typed === '') return { error: ALLOWED };
	const match = SHAPE.exec(typed);
	if (!match) return { error: `“${typed}” is not a percentage. ${ALLOWED}` };
	const decimals = (match[2] ?? '').replace(/0+$/, '');
	if (decimals.length > 2) return { error: `“${typed}” has more than two decimals. The finest step is 0.01 %: one client in 10,000.` };
	const value = Number(`${match[1]}.${decimals || '0'}`);
	if (value > 100) return { error: `“${typed}” is above 100. ${ALLOWED}` };
	return { value };
}

/** A slider's position as a blend: whole percents, since a pointer is no finer. */
export function snapBlend(position) {
	return Math.min(100, Math.max(0, Math.round(Number(position))));
}

// A rise by more points, or to all new clients, is looked at once more before it is sent: one slip of the hand would reach many people.
const RISE_MAX = 10;

/** Whether a change of the blend is asked about first. Lowering it never is: that is the way out. */
export const isLargeRise = (from, to) => to > from && (to - from > RISE_MAX || to === 100);

/** How often clients changed release, such as `0 bounces, 2 without a pin; 31 moves: 31 shielded`. */
export function describeMoves({ total = 0, bounces = 0, bounces_without_pin: pinless = 0, reasons = {} } = {}) {
	const byCount = Object.entries(reasons).sort((a, b) => b[1] - a[1]);
	const each = byCount.map(([reason, n]) => `${count(n)} ${reason}`);
	const bounced = `${plural(bounces, 'bounce')}${pinless ? `, ${count(pinless)} without a pin` : ''}`;
	return `${bounced}; ${plural(total, 'move')}${each.length ? `: ${each.join(', ')}` : ''}`;
}

/** What a change of the blend does to clients, by rule. The dry run says it in numbers. `transition` is the app's setting. */
export function describeBlendChange(from, to, transition = 'keep') {
	if (to === from) return 'No change.';
	const step = Math.round(Math.abs(to - from) * 100) / 100;
	if (transition === 'navigate') {
		const where = to > from ? 'to the candidate' : 'back to stable';
		return `About ${step} of every 100 clients, pinned clients too, go ${where} at their next page.`;
	}
	return `No pinned client moves. Of every 100 new clients, ${step} ${to > from ? 'more' : 'fewer'} go to the candidate.`;
}

// Puts into words what holds CI back: the lock, who waits for it, and freezes. Pure.

import { ahead, fullTime, plural } from './format.js';
import { namesIn } from './release.js';

/** Whose a lock is, why, and until when; and how many runs wait for it. */
export function describeLock({ app, lock, lock_queue: queue }) {
	const waiting = queue?.length ? ` ${describeQueue(queue)}` : '';
	if (!lock) return `Not locked.${waiting}`.replace(/\.$/, '');
	const whose = lock.automatic ? 'Locked automatically' : 'Locked';
	const run = lock.holder && lock.holder !== lock.by ? ` (${lock.holder})` : '';
	const end = lock.until ? `, until ${fullTime(lock.until)}` : '';
	return `${whose} by ${lock.by}${run}: “${namesIn(lock.reason, app)}”${end}${waiting ? `.${waiting}` : ''}`;
}

function describeQueue([first, ...others]) {
	const run = first.holder === first.by ? first.by : `${first.by} (${first.holder})`;
	return others.length ? `${plural(others.length + 1, 'run')} wait for it, ${run} first` : `${run} waits for it`;
}

function untilWhen({ until }) {
	return until ? `until ${fullTime(until)}` : 'without an end';
}

/** What the page says about a freeze that stands or comes: `{text, stands}`, or null. */
export function describeFreeze({ frozen, next_freeze: next }, now) {
	const held = 'CI can only abort and roll back';
	if (frozen) {
		const text = `Frozen ${untilWhen(frozen)} by “${frozen.window}”: ${held}. Operators can still act.`;
		return { stands: true, text };
	}
	if (!next) return null;
	const text = `A freeze begins ${ahead(next.from, now)}, at ${fullTime(next.from)}, ${untilWhen(next)} by “${next.window}”: ${held} then.`;
	return { stands: false, text };
}

/** The same in two words, for a list of apps; empty: no freeze stands or comes. */
export function flagFreeze({ frozen, next_freeze: next }, now) {
	if (frozen) return 'frozen';
	return next ? `freeze ${ahead(next.from, now)}` : '';
}

/** What a dialog warns of. */
export function freezeWarnings({ frozen }) {
	return frozen ? [`A freeze stands ${untilWhen(frozen)}: “${frozen.window}”.`] : [];
}

// What two of the confirmations ask beyond a reason: where to roll back to, and how long a lock stands.

import { stableAfter } from '../describe.js';
import { freshId, h } from '../dom.js';
import { fullTime } from '../format.js';
import { releaseId, releaseName } from '../release.js';
import { field } from './controls.js';

/** The release to go back to: the previous one, or any that the history had on stable. `history` is a promise. */
export function rollbackBody({ state, to, history }) {
	const select = h('select.input', { id: freshId('target'), testid: 'rollback-to' });
	const now = releaseId(state.stable);
	const offered = new Map();
	let tell = () => {};
	const offer = (id, text) => {
		if (!id || id === now || offered.has(id)) return;
		offered.set(id, true);
		select.append(h('option', { value: id }, text));
	};
	if (state.previous) offer(releaseId(state.previous), `${releaseName(state.previous)} (the previous stable)`);
	if (to) offer(to, releaseName(to));
	if (to) select.value = to;
	select.addEventListener('change', () => tell());
	history.then(({ events }) => {
		const chosen = select.value;
		for (const event of events) if (event.changed?.stable) offer(stableAfter(event), `${releaseName(stableAfter(event))} (stable from ${fullTime(event.at)})`);
		if (chosen) select.value = chosen;
		tell();
	}, () => {});
	return {
		element: field('Roll back to', select),
		onChange(run) { tell = run; },
		values: () => ({ target: select.value || null }),
	};
}

const HOUR_MS = 3_600_000;

/** How long a lock stands. */
export function lockBody() {
	const select = h('select.input', { id: freshId('until'), testid: 'lock-until' },
		[['', 'until somebody unlocks it'], ['1', '1 hour'], ['4', '4 hours'], ['24', '1 day'], ['72', '3 days']].map(([hours, words]) => h('option', { value: hours }, words)));
	return {
		element: field('How long', select),
		onChange() {},
		values: () => ({ until: () => (select.value ? Date.now() + Number(select.value) * HOUR_MS : undefined) }),
	};
}

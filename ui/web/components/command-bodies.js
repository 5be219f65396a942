// What some confirmations ask beyond a reason: where to roll back to, how long a lock stands or a drain may take.

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
	history.then(
		({ events }) => {
			const chosen = select.value;
			for (const event of events)
				if (event.changed?.stable) offer(stableAfter(event), `${releaseName(stableAfter(event))} (stable from ${fullTime(event.at)})`);
			if (chosen) select.value = chosen;
			tell();
		},
		() => {},
	);
	return {
		element: field('Roll back to', select),
		onChange(run) {
			tell = run;
		},
		values: () => ({ target: select.value || null }),
	};
}

const TIMES = [
	[60, '1 minute'],
	[600, '10 minutes'],
	[3600, '1 hour'],
	[4 * 3600, '4 hours'],
	[24 * 3600, '1 day'],
	[72 * 3600, '3 days'],
];

/** How long a lock stands. */
export function lockBody() {
	return timeBody('How long', 'lock-until', 'until somebody unlocks it', TIMES.slice(2), (seconds) => ({
		until: () => (seconds ? Date.now() + seconds * 1000 : undefined),
	}));
}

/** How long what is open at an endpoint may go on; `usual` is the app's setting, in words. */
export function drainBody(usual) {
	return timeBody(
		'What is open there ends within',
		'drain-within',
		`${usual}, as set for this app`,
		[[0, 'no time: at once'], ...TIMES.slice(0, 5)],
		(seconds) => ({ seconds }),
	);
}

// `values` gets the seconds that were chosen, undefined for the first choice.
function timeBody(label, testid, first, times, values) {
	const select = h(
		'select.input',
		{ id: freshId('time'), testid },
		h('option', { value: '' }, first),
		times.map(([seconds, words]) => h('option', { value: seconds }, words)),
	);
	return {
		element: field(label, select),
		onChange() {},
		values: () => values(select.value === '' ? undefined : Number(select.value)),
	};
}

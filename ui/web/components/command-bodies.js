// What some commands ask for beside a reason: where to roll back to, how long a lock lasts, how long a drain may take.

import { stableAfter } from '../describe.js';
import { freshId, h } from '../dom.js';
import { fullTime } from '../format.js';
import { releaseId, releaseName } from '../release.js';
import { field } from './controls.js';

/** Asks for the release to go back to: the previous one, or any that was stable before. `history` is a promise. */
export function rollbackBody({ state, to, history }) {
	const select = h('select.input', { id: freshId('target'), testid: 'rollback-to' });
	const now = releaseId(state.stable);
	const offered = new Set();
	let notifyChange = () => {};
	const addOption = (id, text) => {
		if (!id || id === now || offered.has(id)) return;
		offered.add(id);
		select.append(h('option', { value: id }, text));
	};
	if (state.previous) addOption(releaseId(state.previous), `${releaseName(state.previous)} (the previous stable)`);
	// Names of the options, which two releases may share.
	const name = (id) => releaseName(id, state.app, [...offered, now]);
	if (to) addOption(to, name(to));
	if (to) select.value = to;
	select.addEventListener('change', () => notifyChange());
	history.then(
		({ events }) => {
			const chosen = select.value;
			for (const event of events) {
				const id = stableAfter(event);
				if (event.changed?.stable) addOption(id, `${name(id)} (became stable ${fullTime(event.at)})`);
			}
			if (chosen) select.value = chosen;
			notifyChange();
		},
		() => {},
	);
	return {
		element: field('Roll back to', select),
		onChange(run) {
			notifyChange = run;
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

/** Asks how long a lock lasts. */
export function lockBody() {
	return timeBody('Duration', 'lock-until', 'until somebody unlocks it', TIMES.slice(2), (seconds) => ({
		until: () => (seconds ? Date.now() + seconds * 1000 : undefined),
	}));
}

/** Asks how long open requests and sockets at an endpoint may go on. `usual` is the app's setting, in words. */
export function drainBody(usual) {
	return timeBody(
		'Open requests and sockets end within',
		'drain-within',
		`${usual} (the setting of this app)`,
		[[0, '0 s (at once)'], ...TIMES.slice(0, 5)],
		(seconds) => ({ seconds }),
	);
}

/** Asks how long a pause lasts at most. */
export function pauseBody() {
	const times = [[60, '1 minute'], [120, '2 minutes'], [300, '5 minutes']];
	return timeBody('Requests wait for at most', 'pause-length', '30 s', times, (seconds) => ({ seconds }));
}

/** Asks what the page of a stopped app says. */
export function stopBody() {
	const message = h('input.input', { id: freshId('message'), testid: 'stop-message', type: 'text', maxlength: 1000 });
	return {
		element: field('The page says', message),
		onChange() {},
		values: () => ({ message: message.value.trim() || undefined }),
	};
}

// `values` is called with the seconds that were chosen, or undefined for the first choice.
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

// What some commands ask for beside a reason: where to roll back to, how long a lock lasts, how long a drain may take.

import { describeFate } from '../describe.js';
import { fatesOf, formerStables } from '../fates.js';
import { freshId, h } from '../dom.js';
import { fullTime } from '../format.js';
import { releaseId, releaseName } from '../release.js';
import { field } from './controls.js';

/**
 * Asks for the release to go back to: the one before, or any that was stable. `history` is a promise. One that was rolled back or aborted is
 * among the others, says so, and is never chosen beforehand.
 */
export function rollbackBody({ state, to, history }) {
	const good = h('optgroup', { label: 'Stable before' });
	const others = h('optgroup', { label: 'Others: they were taken back' });
	const select = h('select.input', { id: freshId('target'), testid: 'rollback-to' }, h('option', { value: '' }, 'Loading …'));
	const now = releaseId(state.stable);
	let fates = new Map();
	let notifyChange = () => {};
	select.addEventListener('change', () => notifyChange());

	function offer(former) {
		const ids = former.map(({ id }) => id);
		const name = (id) => releaseName(id, state.app, [...ids, now]);
		const chosen = select.value || to;
		for (const { id, at } of former) {
			const fate = fates.get(id);
			const words = fate
				? `⚠ ${describeFate(fate, Date.now())}`
				: id === releaseId(state.previous)
					? 'the previous stable'
					: at
						? `became stable ${fullTime(at)}`
						: 'stable before';
			(fate ? others : good).append(h('option', { value: id }, `${name(id)} (${words})`));
		}
		const filled = [good, others].filter(({ children }) => children.length > 0);
		select.replaceChildren(...(good.children.length || chosen ? [] : [h('option', { value: '' }, 'Choose …')]), ...filled);
		select.value = chosen || (good.firstChild?.value ?? '');
		notifyChange();
	}

	history.then(
		({ events }) => {
			fates = fatesOf(events);
			offer(withPrevious(state, formerStables(events, now)));
		},
		() => offer(withPrevious(state, [])),
	);
	return {
		element: field('Roll back to', select),
		onChange(run) {
			notifyChange = run;
		},
		values: () => ({ target: select.value || null, fate: fates.get(select.value) ?? null }),
	};
}

// The previous stable first, whether the history has it or not.
function withPrevious({ previous }, former) {
	const id = releaseId(previous);
	return id ? [{ id, at: null }, ...former.filter((each) => each.id !== id)] : former;
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
	const times = [
		[60, '1 minute'],
		[120, '2 minutes'],
		[300, '5 minutes'],
	];
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

// The newest events of an app: loaded again when the stream tells of a change, at most once a second.

import { releasesOf } from './release.js';

const SPACING_MS = 1000;

/** What differs once the history has another event: the seq; and what changes without one, the lock of a pipeline and endpoints. */
export function changeOf(state) {
	const addresses = releasesOf(state).flatMap(({ endpoints = [] }) => endpoints.map(({ address }) => address));
	return `${state.seq} ${state.lock?.at ?? ''} ${addresses.join(' ')}`;
}

/**
 * `follow(change)` says which change is shown, as `changeOf` has it. `events()` gives the newest events, which
 * become marks of the charts too.
 */
export function createHistoryFeed({ api, model, app, limit }) {
	let events = [];
	let wantedSeq = null;
	let loadedSeq = null;
	let isLoading = false;
	let startedAt = 0;

	async function load() {
		isLoading = true;
		startedAt = Date.now();
		const seq = wantedSeq;
		try {
			events = (await api.getHistory(app, { limit })).events;
			// A change of endpoints is no mark: it has no seq of its own.
			events.filter((event) => !event.number).forEach((event) => model.addMark(app, event));
			loadedSeq = seq;
			model.notifyListeners();
		} catch {
			// The state of the connection tells the reader. The next change loads again.
			loadedSeq = seq;
		} finally {
			isLoading = false;
			if (wantedSeq !== loadedSeq) scheduleLoad();
		}
	}

	function scheduleLoad() {
		const wait = Math.max(0, startedAt + SPACING_MS - Date.now());
		setTimeout(() => {
			if (!isLoading && wantedSeq !== loadedSeq) load();
		}, wait);
	}

	return {
		events: () => events,
		follow(seq) {
			if (seq === wantedSeq) return;
			wantedSeq = seq;
			if (!isLoading) scheduleLoad();
		},
	};
}

// The newest events of an app: loaded again when the stream tells of a change, at most once a second.

const SPACING_MS = 1000;

/**
 * `follow(change)` says which change is shown: the seq and the lock, which a pipeline takes without a seq. `events()` gives the newest events, which
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

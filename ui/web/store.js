// What the page knows: every app's newest state, its figures over time, the router, the connection. Fed by the stream and by
// the answers to commands; pages are told when it changed. No DOM and no timer, so that node can test it.

import { releasesOf } from './release.js';
import { Series } from './series.js';

// More apps than anybody watches at once; the longest untouched loses its chart, never its state.
const SERIES_MAX = 24;
// As many markers as a chart can show apart.
const MARKS_MAX = 64;

/** Makes an empty store. `clock` gives Unix ms. */
export function createStore(clock = () => Date.now()) {
	const listeners = new Set();
	const apps = new Map();
	const series = new Map();
	const marks = new Map();
	const facts = {
		who: null,
		router: null,
		fleet: null,
		defaultApp: null,
		loaded: false,
		connection: { state: 'connecting', since: clock(), heardAt: null, retryAt: null, why: null },
	};
	let trusting = new Set();

	const changed = () => listeners.forEach((run) => run());

	function seriesOf(name) {
		const known = series.get(name) ?? new Series();
		series.delete(name);
		series.set(name, known);
		if (series.size > SERIES_MAX) series.delete(series.keys().next().value);
		return known;
	}

	/** Takes a state unless it is older than the known one; the first after (re)connecting is what the router now holds. */
	function take(state, { fromStream = false } = {}) {
		const known = apps.get(state.app);
		const first = fromStream && !trusting.has(state.app);
		if (fromStream) trusting.add(state.app);
		if (known && state.seq < known.seq && !first) return false;
		apps.set(state.app, state);
		if (known && state.seq > known.seq && state.updated) mark(state.app, { seq: state.seq, ...state.updated });
		if (fromStream) seriesOf(state.app).push(clock(), state.stable?.activity, state.candidate?.activity);
		changed();
		return true;
	}

	/** Lays a second's figures over the known state: activity by release id, health by address, shares. */
	function takeActivity(data) {
		const state = apps.get(data.app);
		if (!state) return;
		for (const release of releasesOf(state)) {
			if (data.releases?.[release.id]) release.activity = data.releases[release.id];
			for (const endpoint of release.endpoints ?? []) Object.assign(endpoint, data.endpoints?.[endpoint.address]);
		}
		if (data.shares) state.shares = data.shares;
		if (data.moves) state.moves = data.moves;
		seriesOf(data.app).push(clock(), state.stable?.activity, state.candidate?.activity);
		changed();
	}

	function takeList({ apps: list, default_app: defaultApp }) {
		const names = new Set(list.map((state) => state.app));
		for (const name of apps.keys()) if (!names.has(name)) forget(name);
		facts.defaultApp = defaultApp ?? null;
		facts.loaded = true;
		list.forEach((state) => take(state));
		changed();
	}

	function forget(name) {
		apps.delete(name);
		series.delete(name);
		marks.delete(name);
		changed();
	}

	/** For the charts' markers, once per seq. */
	function mark(name, event) {
		const list = marks.get(name) ?? [];
		if (list.some((other) => other.seq === event.seq)) return;
		list.push(event);
		list.sort((a, b) => a.seq - b.seq);
		marks.set(name, list.slice(-MARKS_MAX));
	}

	function setConnection(next) {
		const old = facts.connection;
		if (next.state !== 'live' && old.state === 'live') series.forEach((line) => line.gap(clock()));
		if (next.state === 'live' && old.state !== 'live') trusting = new Set();
		facts.connection = { heardAt: old.heardAt, retryAt: null, why: null, ...next, since: next.state === old.state ? old.since : clock() };
		changed();
	}

	return {
		facts,
		apps: () => [...apps.values()].sort((a, b) => a.app.localeCompare(b.app)),
		app: (name) => apps.get(name) ?? null,
		series: (name) => series.get(name) ?? null,
		marks: (name) => marks.get(name) ?? [],
		take,
		takeActivity,
		takeList,
		forget,
		mark,
		setConnection,
		/** Notes that bytes arrived; no redraw, since the figures they bring cause one. */
		heard: () => {
			facts.connection.heardAt = clock();
		},
		touch: changed,
		setFleet: (fleet) => {
			facts.fleet = fleet;
			changed();
		},
		/** A number that changes when anything about hooks does. */
		setHooks: ({ version }) => {
			facts.hooks = version;
			changed();
		},
		setRouter: (router) => {
			facts.router = router;
			changed();
		},
		setWho: (who) => {
			facts.who = who;
			changed();
		},
		/** Why the reader may change nothing, or null, so that a control says beforehand what the router would refuse. */
		whyReadOnly: () => (facts.who?.role === 'viewer' ? 'your role is viewer, which may look and not act' : null),
		/** Whether what is shown may be old. */
		isStale: () => facts.connection.state !== 'live',
		subscribe(run) {
			listeners.add(run);
			return () => listeners.delete(run);
		},
	};
}

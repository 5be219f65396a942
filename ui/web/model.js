// What the page knows: the newest state of every app, its figures over time, the router, the connection. The stream and the answers to
// commands fill it; pages listen for changes. It has no DOM and no timer, so that node can test it.

import { releasesOf } from './release.js';
import { Series } from './series.js';
import { listTroubles, refusalNow } from './troubles.js';

// More apps than anybody watches at once. The app whose figures are oldest loses its chart, never its state.
const SERIES_MAX = 24;
// As many marks as a chart can show apart.
const MARKS_MAX = 64;

/** Makes an empty model. `clock` gives Unix ms. */
export function createModel(clock = () => Date.now()) {
	const listeners = new Set();
	const apps = new Map();
	const series = new Map();
	const marks = new Map();
	const facts = {
		who: null,
		router: null,
		fleet: null,
		defaultApp: null,
		// The default app that the router was started with, which no command changes.
		configuredApp: null,
		loaded: false,
		connection: { state: 'connecting', since: clock(), heardAt: null, retryAt: null, reason: null },
	};
	// The apps whose state has come since the stream was opened.
	let confirmedApps = new Set();

	const notifyListeners = () => listeners.forEach((run) => run());

	function setFact(name, value) {
		facts[name] = value;
		notifyListeners();
	}

	function seriesOf(name) {
		const known = series.get(name) ?? new Series();
		series.delete(name);
		series.set(name, known);
		if (series.size > SERIES_MAX) series.delete(series.keys().next().value);
		return known;
	}

	/** Takes a state unless a newer one is known. The first state after the stream was opened always counts: it is what the router holds. */
	function takeState(state, { fromStream = false } = {}) {
		const known = apps.get(state.app);
		const isFirst = fromStream && !confirmedApps.has(state.app);
		if (fromStream) confirmedApps.add(state.app);
		if (known && state.seq < known.seq && !isFirst) return false;
		apps.set(state.app, state);
		if (known && state.seq > known.seq && state.updated) addMark(state.app, { seq: state.seq, ...state.updated });
		if (fromStream) seriesOf(state.app).push(clock(), state.stable?.activity, state.candidate?.activity);
		notifyListeners();
		return true;
	}

	/** Puts a second's figures into the known state: activity by release id, health by address, shares, moves, verdict, plan. */
	function takeActivity(data) {
		const state = apps.get(data.app);
		if (!state) return;
		for (const release of releasesOf(state)) {
			if (data.releases?.[release.id]) release.activity = data.releases[release.id];
			for (const endpoint of release.endpoints ?? []) Object.assign(endpoint, data.endpoints?.[endpoint.address]);
		}
		if (data.shares) state.shares = data.shares;
		if (data.moves) state.moves = data.moves;
		if ('verdict' in data) state.verdict = data.verdict;
		if ('plan' in data) state.plan = data.plan;
		seriesOf(data.app).push(clock(), state.stable?.activity, state.candidate?.activity);
		notifyListeners();
	}

	function takeApps({ apps: list, default_app: defaultApp, configured_app: configuredApp }) {
		const names = new Set(list.map((state) => state.app));
		for (const name of apps.keys()) if (!names.has(name)) forget(name);
		facts.defaultApp = defaultApp ?? null;
		facts.configuredApp = configuredApp ?? null;
		facts.loaded = true;
		list.forEach((state) => takeState(state));
		notifyListeners();
	}

	function forget(name) {
		apps.delete(name);
		series.delete(name);
		marks.delete(name);
		notifyListeners();
	}

	/** Adds a mark to the charts of an app, once per seq. */
	function addMark(name, event) {
		const list = marks.get(name) ?? [];
		if (list.some((other) => other.seq === event.seq)) return;
		list.push(event);
		list.sort((a, b) => a.seq - b.seq);
		marks.set(name, list.slice(-MARKS_MAX));
	}

	function setConnection(next) {
		const old = facts.connection;
		if (next.state !== 'live' && next.state !== 'late' && ['live', 'late'].includes(old.state))
			series.forEach((figures) => figures.addGap(clock()));
		if (next.state === 'live' && old.state !== 'live' && old.state !== 'late') confirmedApps = new Set();
		const since = next.state === old.state ? old.since : clock();
		setFact('connection', { heardAt: old.heardAt, retryAt: null, reason: null, ...next, since });
	}

	return {
		facts,
		apps: () => [...apps.values()].sort((a, b) => a.app.localeCompare(b.app)),
		app: (name) => apps.get(name) ?? null,
		series: (name) => series.get(name) ?? null,
		marks: (name) => marks.get(name) ?? [],
		takeState,
		takeActivity,
		takeApps,
		forget,
		addMark,
		setConnection,
		/** Notes that bytes arrived. Listeners are not called: the figures in those bytes call them. */
		noteHeard: () => {
			facts.connection.heardAt = clock();
		},
		notifyListeners,
		setFleet: (fleet) => setFact('fleet', fleet),
		/** `version` is a number that changes when anything about hooks does. */
		setHooks: ({ version }) => setFact('hooks', version),
		setRouter: (router) => setFact('router', router),
		setWho: (who) => setFact('who', who),
		/** Why the reader may change nothing, or null: a control says beforehand what the router would refuse. */
		readOnlyReason: () => (facts.who?.role === 'viewer' ? 'your role is viewer, which can look but not change anything' : null),
		/** Why nobody's command would be taken now, or null. An abort may still be given to this router alone. */
		refusal: () => refusalNow(facts),
		/** What is wrong with the router, its store or its fleet: sentences that speak against every command. */
		troubles: () => listTroubles(facts, clock()),
		/** Whether what is shown may be old. */
		isStale: () => facts.connection.state !== 'live',
		subscribe(run) {
			listeners.add(run);
			return () => listeners.delete(run);
		},
	};
}

// Follows one stream of the router at a time and puts its events into the model.

import { follow as followStream } from './stream.js';

/**
 * `isOwnChange(app)` says whether a command of this page is under way; `onChange(state)` is called for what others change in the app
 * that is followed. `announce` tells screen readers when the connection is lost and when it is back.
 */
export function createLiveFeed({ api, model, notifier, announce, isOwnChange, onChange, onReconnected, onDenied }) {
	let stream = null;
	let followedApp;

	/** Follows one app, or all apps for undefined. */
	function follow(app) {
		if (stream && followedApp === app) return;
		stream?.close();
		followedApp = app;
		model.setConnection({ state: 'connecting' });
		stream = followStream({
			url: api.streamPath(app),
			onOpen,
			onHeard,
			onLate: () => model.setConnection({ state: 'late' }),
			onEvent: ({ event, data }) => takeEvent(event, JSON.parse(data)),
			onLost,
			onDenied,
		});
	}

	function onOpen() {
		const { state } = model.facts.connection;
		model.setConnection({ state: 'live' });
		if (state === 'lost') announce.say('Connected again.');
		if (state === 'lost' || state === 'paused') onReconnected();
	}

	function onHeard() {
		model.noteHeard();
		if (model.facts.connection.state === 'late') model.setConnection({ state: 'live' });
	}

	function onLost({ reason, retryMs }) {
		const wasLive = ['live', 'late'].includes(model.facts.connection.state);
		if (wasLive) announce.say('The connection to the router is lost. Values may be old.', { urgent: true });
		model.setConnection({ state: 'lost', reason, retryAt: Date.now() + retryMs });
	}

	function takeEvent(event, data) {
		if (event === 'activity') model.takeActivity(data);
		else if (event === 'router') model.setRouter(data);
		else if (event === 'hooks') model.setHooks(data);
		else if (event === 'fleet') takeFleet(data);
		else if (event === 'gone') model.forget(data.app);
		else if (event === 'state') takeState(data);
	}

	function takeFleet(fleet) {
		if (model.facts.fleet) notifier.showAlarms(model.facts.fleet.alarms, fleet.alarms);
		model.setFleet(fleet);
	}

	function takeState(state) {
		const known = model.app(state.app);
		const isNews = known && state.seq > known.seq && !isOwnChange(state.app);
		model.takeState(state, { fromStream: true });
		if (isNews && state.app === followedApp) onChange(state);
		if (isNews) notifier.showChange(state);
	}

	return {
		follow,
		/** Lets the connection go while nobody looks. */
		pause() {
			stream?.pause();
			model.setConnection({ state: 'paused' });
		},
		/** Goes on after a pause, or tries again at once after a loss. */
		resume() {
			stream?.resume();
			stream?.retry();
		},
		retry: () => stream?.retry(),
		close: () => stream?.close(),
	};
}

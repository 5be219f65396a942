// The composition root: signs in, follows the stream, shows the page that the address names.

import { createActions } from './actions.js';
import { createApi } from './api.js';
import { acceptStore } from './components/accept-store.js';
import { announcer } from './components/announcer.js';
import { notices as createNotices } from './components/notices.js';
import { shell as createShell } from './components/shell.js';
import { commandTitle } from './describe.js';
import { apiPage } from './pages/api.js';
import { appPage } from './pages/app.js';
import { appsPage } from './pages/apps.js';
import { fleetPage } from './pages/fleet.js';
import { historyPage } from './pages/history.js';
import { hooksPage } from './pages/hooks.js';
import { keyvaluesPage } from './pages/keyvalues.js';
import { releasesPage } from './pages/releases.js';
import { previewsPage } from './pages/previews.js';
import { routerPage } from './pages/router.js';
import { settingsPage } from './pages/settings.js';
import { setupPage } from './pages/setup.js';
import { signInPage } from './pages/sign-in.js';
import { tokensPage } from './pages/tokens.js';
import { createNotifier } from './notify.js';
import { parseRoute } from './router.js';
import { createStore } from './store.js';
import { follow } from './stream.js';
import { applyTheme } from './theme.js';

const PAGES = {
	apps: appsPage,
	app: appPage,
	history: historyPage,
	releases: releasesPage,
	settings: settingsPage,
	setup: setupPage,
	keyvalues: keyvaluesPage,
	previews: previewsPage,
	fleet: fleetPage,
	hooks: hooksPage,
	router: routerPage,
	tokens: tokensPage,
	api: apiPage,
};

// As long as a glance at another tab: a chart keeps its line over that.
const HIDDEN_MS = 5000;

// It ends with the tab, and the browser never sends it on its own.
const TOKEN = 'rolling-router.token';

const root = document.getElementById('root');

applyTheme();
if (sessionStorage.getItem(TOKEN)) session(sessionStorage.getItem(TOKEN));
else signIn();

function signIn(why) {
	sessionStorage.removeItem(TOKEN);
	const page = signInPage({
		why,
		signedIn: (token, who) => {
			sessionStorage.setItem(TOKEN, token);
			session(token, who);
		},
	});
	root.replaceChildren(page.element);
	document.title = 'Sign in · rolling-router';
	page.focus();
}

/** Everything between signing in and out. */
function session(token, who = null) {
	const store = createStore();
	const ended = new AbortController();
	const api = createApi(token, { onDenied: () => end('The router no longer accepts this token. Sign in again.') });
	const announce = announcer();
	const notices = createNotices(announce.say);
	const notifier = createNotifier();
	const actions = createActions({ api, store, notices, onTrouble: () => refreshRouter() });
	const shell = createShell({
		store,
		signOut: () => end(),
		retry: () => stream?.retry(),
		acceptStore: () => acceptStore({ api, store, notices, done: refreshRouter }),
	});
	let page = null;
	let stream = null;
	let streamOf;
	let drawing = false;
	let others = null;

	function end(why) {
		if (ended.signal.aborted) return;
		ended.abort();
		stream?.close();
		document.querySelectorAll('dialog').forEach((dialog) => dialog.close());
		signIn(why);
	}

	/** Draws at the next frame, and so not at all while the tab is in the background. */
	function redraw() {
		if (drawing || ended.signal.aborted) return;
		drawing = true;
		requestAnimationFrame(() => {
			drawing = false;
			if (ended.signal.aborted) return;
			shell.update(Date.now());
			page?.update?.();
		});
	}

	async function refreshRouter() {
		await Promise.all([api.router().then(store.setRouter, () => {}), api.fleet().then(store.setFleet, () => {})]);
	}

	async function load() {
		await Promise.all([
			api.apps().then(store.takeList, () => {}),
			refreshRouter(),
			who
				? null
				: api.whoami().then(
						(answer) => {
							who = answer;
						},
						() => {},
					),
		]);
		if (who) store.setWho(who);
	}

	function listenForPage() {
		listen(store.app(page?.stream) ? page.stream : undefined);
	}

	function listen(app) {
		if (stream && streamOf === app) return;
		stream?.close();
		streamOf = app;
		store.setConnection({ state: 'connecting' });
		stream = follow({
			url: api.streamPath(app),
			token,
			onOpen() {
				const { state } = store.facts.connection;
				store.setConnection({ state: 'live' });
				if (state === 'lost') announce.say('Connected again.');
				if (state === 'lost' || state === 'paused') load();
			},
			onHeard: store.heard,
			onEvent: ({ event, data }) => take(event, JSON.parse(data)),
			onLost({ why, retryMs }) {
				if (store.facts.connection.state === 'live') announce.say('Connection to the router lost. Values may be old.', { urgent: true });
				store.setConnection({ state: 'lost', why, retryAt: Date.now() + retryMs });
			},
			onDenied: () => end('The router no longer accepts this token. Sign in again.'),
		});
	}

	function take(event, data) {
		if (event === 'activity') store.takeActivity(data);
		else if (event === 'router') store.setRouter(data);
		else if (event === 'hooks') store.setHooks(data);
		else if (event === 'fleet') {
			if (store.facts.fleet) notifier.alarms(store.facts.fleet.alarms, data.alarms);
			store.setFleet(data);
		} else if (event === 'gone') store.forget(data.app);
		else if (event === 'state') {
			const known = store.app(data.app);
			const isNews = known && data.seq > known.seq && !actions.inFlight(data.app);
			store.take(data, { fromStream: true });
			if (isNews && data.app === streamOf) tellOfOthers(data);
			if (isNews) notifier.change(data);
		}
	}

	/** One line for what others do, reused while it still stands: a script's many changes must not fill the page. */
	function tellOfOthers({ seq, updated }) {
		if (!updated) return;
		const text = `${updated.actor ?? 'Somebody'}: ${commandTitle(updated.command)}${updated.reason ? ` (“${updated.reason}”)` : ''}, change ${seq}.`;
		if (others?.element.isConnected) others.update({ text });
		else others = notices.post({ text });
	}

	function show() {
		if (ended.signal.aborted) return;
		const route = parseRoute(location.hash);
		if (route.page === 'apps' && store.facts.router?.setup_needed && !store.apps().some((state) => state.stable)) {
			location.replace('#/setup');
			return;
		}
		page?.destroy?.();
		page = PAGES[route.page]({ api, store, actions, notices, notifier, params: route.params });
		shell.show(page.element, route);
		document.title = `${page.title} · rolling-router`;
		listenForPage();
		if (page.refreshRouter) refreshRouter();
		redraw();
		page.element.querySelector('h1')?.focus({ preventScroll: true });
		scrollTo(0, 0);
	}

	const on = (target, event, run) => target.addEventListener(event, run, { signal: ended.signal });
	on(window, 'hashchange', show);
	on(window, 'online', () => stream?.retry());
	let tick = null;
	let leaving = null;

	/** A tab that nobody looks at costs nothing: no clock runs, and the router does not send to it. */
	function lookedAt(isSeen) {
		clearInterval(tick);
		clearTimeout(leaving);
		if (!isSeen) {
			// Whoever wants to be told while looking elsewhere is told of every app.
			if (notifier.isOn()) return void listen(undefined);
			leaving = setTimeout(() => {
				stream?.pause();
				store.setConnection({ state: 'paused' });
			}, HIDDEN_MS);
			return;
		}
		// Relative times and the charts' right edge move while nothing else does.
		tick = setInterval(redraw, 1000);
		if (page) listenForPage();
		stream?.resume();
		stream?.retry();
		redraw();
	}
	on(document, 'visibilitychange', () => lookedAt(!document.hidden));
	ended.signal.addEventListener('abort', () => {
		clearInterval(tick);
		clearTimeout(leaving);
	});
	lookedAt(!document.hidden);
	store.subscribe(redraw);

	root.replaceChildren(shell.element, notices.element, announce.element);
	load().then(show);
}

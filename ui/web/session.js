// Everything between signing in and signing out: the frame, the page that the address names, and the live feed behind both.

import { createActions } from './actions.js';
import { createApi } from './api.js';
import { announcer } from './components/announcer.js';
import { openFormDialog } from './components/dialog.js';
import { notices as createNotices } from './components/notices.js';
import { shell as createShell } from './components/shell.js';
import { commandTitle } from './describe.js';
import { h } from './dom.js';
import { createLiveFeed } from './live-feed.js';
import { createModel } from './model.js';
import { createNotifier } from './notify.js';
import { parseRoute } from './page-address.js';
import { fetchPage, pageOf } from './pages.js';

// As long as a glance at another tab: a chart keeps its line over that.
const HIDDEN_MS = 5000;

/** Runs a session in `root`. `who` is the token that the browser is signed in with. `onEnd(reason)` runs once, when the session is over. */
export function startSession({ root, who, onEnd }) {
	const model = createModel();
	const ended = new AbortController();
	const endDenied = () => end('Your session has ended, or its token is no longer accepted. Sign in again.');
	const api = createApi({ onDenied: endDenied });
	const announce = announcer();
	const notices = createNotices(announce.say);
	const notifier = createNotifier();
	const actions = createActions({ api, model, notices, onTrouble: refreshRouter });
	const feed = createLiveFeed({
		api,
		model,
		notifier,
		announce,
		isOwnChange: (app) => actions.isSending(app),
		onChange: showOthersChange,
		onReconnected: loadAll,
		onDenied: endDenied,
	});
	const shell = createShell({
		model,
		signOut,
		retry: feed.retry,
		openStoreDialog: askAboutStore,
	});
	let page = null;
	let shownHash = null;
	let isDrawing = false;
	let othersNotice = null;

	function end(reason) {
		if (ended.signal.aborted) return;
		ended.abort();
		stopTimers();
		feed.close();
		document.querySelectorAll('dialog').forEach((dialog) => dialog.close());
		onEnd(reason);
	}

	/** Ends the session at the router too: else the browser would go on being signed in. */
	async function signOut() {
		try {
			await api.signOut();
			end();
		} catch (refusal) {
			if (refusal.status !== 401) notices.post({ text: `You are still signed in. ${refusal.message}`, tone: 'bad' });
		}
	}

	/** Draws at the next frame, and so not at all while the tab is in the background. */
	function redraw() {
		if (isDrawing || ended.signal.aborted) return;
		isDrawing = true;
		requestAnimationFrame(() => {
			isDrawing = false;
			if (ended.signal.aborted) return;
			shell.update(Date.now());
			page?.update?.();
		});
	}

	async function refreshRouter() {
		await Promise.all([api.getRouter().then(model.setRouter, () => {}), api.getFleet().then(model.setFleet, () => {})]);
	}

	/** The dialog is fetched when it is wanted: most visits never see it. */
	async function askAboutStore() {
		(await import('./components/store-dialog.js')).openStoreDialog({ api, model, notices, done: refreshRouter });
	}

	async function loadAll() {
		await Promise.all([api.listApps().then(model.takeApps, () => {}), refreshRouter()]);
	}

	/** Follows the stream of the page's app, or else that of all apps. */
	function followPage() {
		feed.follow(model.app(page?.stream) ? page.stream : undefined);
	}

	/** Shows others' changes in one notice, which is used again while it is shown: a script's many changes must not fill the page. */
	function showOthersChange({ seq, updated }) {
		if (!updated) return;
		const reason = updated.reason ? ` (“${updated.reason}”)` : '';
		const text = `${updated.actor ?? 'Somebody'}: ${commandTitle(updated.command)}${reason}, change ${seq}.`;
		if (othersNotice?.element.isConnected) othersNotice.update({ text });
		else othersNotice = notices.post({ text });
	}

	/**
	 * Shows the page that the address names, unless the one that is open holds something unsaved: then it asks. What is being saved is
	 * waited for, since only then it is known whether it was.
	 */
	function showPage() {
		if (ended.signal.aborted) return;
		const isLeaving = location.hash !== shownHash;
		const saving = isLeaving && page?.saving?.();
		if (saving) return saving.then(showPage);
		if (isLeaving && page?.isUnsaved?.()) return askToLeave(location.hash);
		const route = parseRoute(location.hash);
		if (route.page === 'apps' && model.facts.router?.setup_needed && !model.apps().some((state) => state.stable)) {
			location.replace('#/setup');
			return;
		}
		const makePage = pageOf(route.page);
		if (!makePage) return fetchWanted(route.page);
		shownHash = location.hash;
		page?.destroy?.();
		page = makePage({ api, model, actions, notices, notifier, params: route.params });
		shell.show(page.element, route);
		document.title = `${page.title} · rolling-router`;
		followPage();
		if (page.refreshRouter) refreshRouter();
		redraw();
		page.element.querySelector('h1')?.focus({ preventScroll: true });
		scrollTo(0, 0);
	}

	/** Fetches a page, and shows it if it is still wanted by then. */
	async function fetchWanted(name) {
		const wanted = location.hash;
		try {
			await fetchPage(name);
		} catch (error) {
			console.warn(error);
			notices.post({ text: 'The page could not be loaded. It is tried again.', tone: 'partial' });
			dispatchEvent(new Event('part-missing'));
			return;
		}
		if (location.hash === wanted && shownHash !== wanted) showPage();
	}

	function askToLeave(wanted) {
		history.replaceState(null, '', shownHash || '#/');
		openFormDialog({
			stem: 'leave',
			title: 'Leave without saving?',
			content: h('p', {}, 'What you have changed on this page is not saved.'),
			submit: 'Leave without saving',
			send: async () => {},
			done: () => {
				page.discard();
				location.hash = wanted;
			},
		});
	}

	const on = (target, event, run) => target.addEventListener(event, run, { signal: ended.signal });
	let redrawTimer = null;
	let pauseTimer = null;

	function stopTimers() {
		clearInterval(redrawTimer);
		clearTimeout(pauseTimer);
	}

	/** A hidden tab costs nothing: it does not redraw, and the router does not send to it. */
	function hide() {
		stopTimers();
		// A reader who wants notifications while looking elsewhere gets them for every app.
		if (notifier.isOn()) feed.follow(undefined);
		else pauseTimer = setTimeout(feed.pause, HIDDEN_MS);
	}

	function unhide() {
		stopTimers();
		// Relative times and the charts' right edge move while nothing else does.
		redrawTimer = setInterval(redraw, 1000);
		if (page) followPage();
		feed.resume();
		redraw();
	}

	const followVisibility = () => (document.hidden ? hide() : unhide());
	on(window, 'hashchange', showPage);
	on(window, 'online', feed.retry);
	on(window, 'beforeunload', (event) => page?.isUnsaved?.() && event.preventDefault());
	on(document, 'visibilitychange', followVisibility);
	followVisibility();
	model.subscribe(redraw);
	model.setWho(who);

	root.replaceChildren(shell.element, notices.element, announce.element);
	loadAll().then(showPage);
}

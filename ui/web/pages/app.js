// The page that is open during a release: what is live, is the candidate better or worse, what happens if I click.

import { verdict } from '../advice.js';
import { h, setAttr, setShown, setText } from '../dom.js';
import { fullTime, millis, rate, share } from '../format.js';
import { appHref } from '../router.js';
import { actionRow } from '../components/actions.js';
import { appLinks } from '../components/app-links.js';
import { blendControl } from '../components/blend-control.js';
import { chart } from '../components/chart.js';
import { drainingPanel } from '../components/draining.js';
import { explainPanel } from '../components/explain.js';
import { historyList } from '../components/history-list.js';
import { problemsPanel } from '../components/problems.js';
import { releaseCard } from '../components/release-card.js';
import { recentHistory } from '../history-feed.js';
import { button, pageHead } from '../components/controls.js';

export function appPage({ api, store, actions, params }) {
	const name = params.app;
	const rows = {
		stable: actionRow([
			{ name: 'choose-stable', label: 'Choose stable…', run: () => actions.choose(name, 'stable') },
			{ name: 'rollback', label: 'Roll back…', tone: 'stop', run: () => actions.rollback(name) },
		]),
		candidate: actionRow([
			{ name: 'choose-candidate', label: 'Choose candidate…', run: () => actions.choose(name, 'candidate') },
			{ name: 'abort', label: 'Abort…', tone: 'stop', run: () => actions.abort(name) },
			{ name: 'promote', label: 'Promote…', tone: 'go', run: () => actions.promote(name) },
		]),
	};
	const head = appHead(name, actions, () => store.whyReadOnly());
	const drain = (...endpoint) => actions.drainEndpoint(name, ...endpoint);
	const cards = { stable: releaseCard('stable', rows.stable, drain), candidate: releaseCard('candidate', rows.candidate, drain) };
	const blend = blendControl({
		commit: (target, seq) => actions.blend(name, target, seq),
		foretell: (percent) => actions.whoMoves(name, { command: 'blend', percent }),
	});
	const charts = [
		chart({ title: 'Requests', column: 'rate', format: rate, least: 1, testid: 'chart-rate' }),
		chart({ title: 'Errors', column: 'errors', format: share, least: 0.01, testid: 'chart-errors' }),
		chart({ title: 'p95', column: 'p95', format: millis, least: 10, testid: 'chart-p95' }),
	];
	const problems = problemsPanel();
	const draining = drainingPanel({ finish: (tenure) => actions.finishDrain(name, tenure), finishAll: () => actions.finishDrains(name) });
	const history = historyList({ rollback: (id) => actions.rollback(name, id) });
	const feed = recentHistory({ api, store, app: name, limit: 12 });
	const gone = h('p.panel', { hidden: true });
	const body = h(
		'div.stack',
		{},
		h('div.cards', {}, cards.stable.element, cards.candidate.element),
		blend.element,
		h(
			'div.charts',
			{ 'aria-label': 'The last 15 minutes', role: 'group' },
			charts.map(({ element }) => element),
		),
		draining.element,
		problems.element,
		explainPanel({ explain: (body) => api.explain(name, body) }).element,
		h(
			'section.panel',
			{ 'aria-labelledby': 'history-title' },
			h(
				'div.panel-head',
				{},
				h('h2.panel-title', { id: 'history-title' }, 'History'),
				h('a', { href: appHref(name, 'history'), testid: 'all-history' }, 'All changes'),
			),
			history.element,
		),
	);

	function update() {
		const state = store.app(name);
		setShown(body, Boolean(state));
		setShown(gone, !state);
		head.update(state);
		if (!state) return setText(gone, store.facts.loaded ? `The router knows no app “${name}”.` : 'Asking the router …');
		const now = Date.now();
		const why = store.whyReadOnly();
		feed.follow(state.seq);
		cards.stable.update({ release: state.stable, other: null, now, why });
		cards.candidate.update({ release: state.candidate, other: state.stable, now, why, verdict: verdict(state) });
		rows.stable.update({ 'choose-stable': why, rollback: why ?? whyNoRollback(state, feed.events()) });
		rows.candidate.update({
			'choose-candidate': why ?? (state.stable ? null : 'there is no stable release yet'),
			abort: why ?? whyNoCandidate(state),
			promote: why ?? whyNoCandidate(state),
		});
		blend.update({ state, why: why ?? whyNoCandidate(state) });
		const view = { series: store.series(name), marks: store.marks(name), now, live: !store.isStale() };
		charts.forEach((each) => each.update(view));
		draining.update({ draining: state.draining ?? [], now, why });
		problems.update(state.problems ?? []);
		history.update({ events: feed.events(), state, now, why });
	}

	return { element: h('div', {}, head.element, gone, body), title: name, update, stream: name };
}

const whyNoCandidate = (state) => (state.candidate ? null : 'there is no candidate');

function whyNoRollback(state, events) {
	if (!state.stable) return 'nothing is on stable yet';
	const earlier = state.previous || events.some((event) => event.changed?.stable?.[0] && event.changed.stable[0] !== 'rolling/null');
	return earlier ? null : 'there is no earlier release to go back to';
}

// Title, seq, hosts, sticky and lock: one line that stays in place.
function appHead(name, actions, whyNot) {
	const change = h('span.quiet', { testid: 'seq' });
	const hosts = h('span.quiet');
	const knob = h('span.switch-knob', { 'aria-hidden': 'true' });
	const stickyWord = h('span');
	const sticky = h(
		'button',
		{
			type: 'button',
			class: 'switch',
			role: 'switch',
			testid: 'sticky-switch',
			'aria-describedby': 'head-why',
			on: {
				click: () => {
					if (!reason && known) actions.sticky(name);
				},
			},
		},
		knob,
		stickyWord,
	);
	const lockText = h('span.lock-text', { testid: 'lock-state' });
	const why = h('p.why', { id: 'head-why' });
	let locked = false;
	let reason = null;
	let known = false;
	const lock = button('Lock…', {
		tone: 'small',
		testid: 'lock',
		'aria-describedby': 'head-why',
		run: () => {
			if (!reason && known) (locked ? actions.unlock : actions.lock)(name);
		},
	});
	const element = h(
		'div.app-head',
		{},
		pageHead(name, change, hosts, appLinks(name, '')),
		h('div.app-switches', {}, sticky, lock, lockText),
		why,
	);

	function update(state) {
		known = Boolean(state);
		setShown(element.children[1], known);
		if (!state) return;
		reason = whyNot();
		locked = Boolean(state.lock);
		setText(change, `change ${state.seq}`);
		setAttr(change, 'title', state.updated ? `${state.updated.command} by ${state.updated.actor}, ${fullTime(state.updated.at)}` : null);
		setText(hosts, [...(state.hosts ?? []), state.default ? 'all other hosts' : null].filter(Boolean).join(', '));
		setAttr(sticky, 'aria-checked', String(Boolean(state.sticky)));
		setText(stickyWord, state.sticky ? 'Sticky: clients are pinned' : 'Not sticky: every request draws');
		setText(lock, locked ? 'Unlock…' : 'Lock…');
		setAttr(lock, 'data-testid', locked ? 'unlock' : 'lock');
		setText(lockText, locked ? lockWords(state.lock) : 'Not locked');
		setAttr(lockText, 'title', lockText.textContent);
		lockText.classList.toggle('is-locked', locked);
		setText(why, reason ? `Sticky, Lock: ${reason}.` : '');
		for (const control of [sticky, lock]) setAttr(control, 'aria-disabled', reason ? 'true' : null);
	}

	return { element, update };
}

function lockWords({ reason, by, until, automatic }) {
	const end = until ? `, until ${fullTime(until)}` : '';
	return `Locked${automatic ? ' automatically' : ''} by ${by}: “${reason}”${end}`;
}

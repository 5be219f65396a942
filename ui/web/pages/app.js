// The page that is open during a release: what is live, whether the candidate is better or worse, and what happens on a click.

import { verdict } from '../advice.js';
import { actionRow } from '../components/actions.js';
import { approvalPanel } from '../components/approvals.js';
import { appHead } from '../components/app-head.js';
import { blendControl } from '../components/blend-control.js';
import { chart } from '../components/chart.js';
import { drainingPanel } from '../components/draining.js';
import { explainPanel } from '../components/explain.js';
import { historyList } from '../components/history-list.js';
import { problemsPanel } from '../components/problems.js';
import { releaseCard } from '../components/release-card.js';
import { h, setShown, setText } from '../dom.js';
import { millis, rate, share } from '../format.js';
import { createHistoryFeed } from '../history-feed.js';
import { appHref } from '../page-address.js';

export function appPage({ api, model, actions, params }) {
	const name = params.app;
	const head = appHead(name, actions);
	const parts = buildParts(name, api, actions);
	const feed = createHistoryFeed({ api, model, app: name, limit: 12 });
	const missing = h('p.panel', { hidden: true });
	const body = layOut(name, parts);

	function update() {
		const state = model.app(name);
		const disabledReason = model.readOnlyReason();
		setShown(body, Boolean(state));
		setShown(missing, !state);
		head.update(state, disabledReason);
		if (!state) return setText(missing, model.facts.loaded ? `There is no app “${name}”.` : 'Loading …');
		const now = Date.now();
		feed.follow(`${state.seq} ${state.lock?.at ?? ''}`);
		updateTracks(parts, { state, now, disabledReason, events: feed.events() });
		parts.approvals.update({ state, who: model.facts.who, now, disabledReason });
		const view = { series: model.series(name), marks: model.marks(name), now, live: !model.isStale() };
		parts.charts.forEach((each) => each.update(view));
		parts.draining.update({ draining: state.draining ?? [], previous: state.previous, now, disabledReason });
		parts.problems.update(state.problems ?? []);
		parts.history.update({ events: feed.events(), state, now, disabledReason });
	}

	return { element: h('div', {}, head.element, missing, body), title: name, update, stream: name };
}

function buildParts(name, api, actions) {
	const rows = buildRows(name, actions);
	const drains = {
		drain: (id, address) => actions.drainEndpoint(name, id, address),
		lift: (id, address) => actions.liftDrain(name, id, address),
	};
	const approvals = approvalPanel({ approve: () => actions.approve(name), withdraw: () => actions.withdrawApproval(name) });
	return {
		rows,
		approvals,
		cards: {
			stable: releaseCard('stable', rows.stable, drains),
			candidate: releaseCard('candidate', rows.candidate, drains, approvals.element),
		},
		blend: blendControl({
			setBlend: (target, seq) => actions.setBlend(name, target, seq),
			dryRun: (percent) => actions.dryRun(name, { command: 'blend', percent }),
		}),
		charts: [
			chart({ title: 'Requests', column: 'rate', format: rate, least: 1, testid: 'chart-rate' }),
			chart({ title: 'Errors', column: 'errors', format: share, least: 0.01, testid: 'chart-errors' }),
			chart({ title: 'p95', column: 'p95', format: millis, least: 10, testid: 'chart-p95' }),
		],
		draining: drainingPanel({ finish: (tenure) => actions.finishDrain(name, tenure), finishAll: () => actions.finishDrains(name) }),
		problems: problemsPanel(),
		explain: explainPanel({ explain: (body) => api.explain(name, body) }),
		history: historyList({ rollback: (id) => actions.rollback(name, id) }),
	};
}

function buildRows(name, actions) {
	return {
		stable: actionRow([
			{ name: 'choose-stable', label: 'Choose stable…', run: () => actions.setTrack(name, 'stable') },
			{ name: 'rollback', label: 'Roll back…', tone: 'stop', run: () => actions.rollback(name) },
		]),
		candidate: actionRow([
			{ name: 'choose-candidate', label: 'Choose candidate…', run: () => actions.setTrack(name, 'candidate') },
			{ name: 'abort', label: 'Abort…', tone: 'stop', run: () => actions.abort(name) },
			{ name: 'promote', label: 'Promote…', tone: 'go', run: () => actions.promote(name) },
		]),
	};
}

function layOut(name, { cards, blend, charts, draining, problems, explain, history }) {
	const chartElements = charts.map(({ element }) => element);
	const historyHead = h(
		'div.panel-head',
		{},
		h('h2.panel-title', { id: 'history-title' }, 'History'),
		h('a', { href: appHref(name, 'history'), testid: 'all-history' }, 'All changes'),
	);
	return h(
		'div.stack',
		{},
		h('div.cards', {}, cards.stable.element, cards.candidate.element),
		blend.element,
		h('div.charts', { 'aria-label': 'The last 15 minutes', role: 'group' }, chartElements),
		draining.element,
		problems.element,
		explain.element,
		h('section.panel', { 'aria-labelledby': 'history-title' }, historyHead, history.element),
	);
}

// The cards, their buttons and the blend.
function updateTracks({ cards, rows, blend }, { state, now, disabledReason, events }) {
	const { stable, candidate } = state;
	cards.stable.update({ release: stable, other: null, now, disabledReason });
	cards.candidate.update({ release: candidate, other: stable, now, disabledReason, verdict: verdict(state) });
	const candidateReason = disabledReason ?? (candidate ? null : 'there is no candidate');
	rows.stable.update({ 'choose-stable': disabledReason, rollback: disabledReason ?? noRollbackReason(state, events) });
	rows.candidate.update({
		'choose-candidate': disabledReason ?? (stable ? null : 'there is no stable release yet'),
		abort: candidateReason,
		promote: candidateReason,
	});
	blend.update({ state, disabledReason: candidateReason });
}

function noRollbackReason(state, events) {
	if (!state.stable) return 'there is no stable release yet';
	const hasEarlier = state.previous || events.some(({ changed }) => changed?.stable?.[0] && changed.stable[0] !== 'rolling/null');
	return hasEarlier ? null : 'there is no earlier release to roll back to';
}

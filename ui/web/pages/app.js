// The page that is open during a release: what is live, whether the candidate is better or worse, and what happens on a click.

import { actionRow } from '../components/actions.js';
import { approvalPanel } from '../components/approvals.js';
import { appHead } from '../components/app-head.js';
import { blendControl } from '../components/blend-control.js';
import { chart } from '../components/chart.js';
import { comparisonTable } from '../components/comparison.js';
import { drainingPanel } from '../components/draining.js';
import { explainPanel } from '../components/explain.js';
import { historyList } from '../components/history-list.js';
import { latencyHistogram } from '../components/latency-histogram.js';
import { problemsPanel } from '../components/problems.js';
import { rangeSwitch } from '../components/range-switch.js';
import { releaseBanner } from '../components/release-banner.js';
import { releaseCard } from '../components/release-card.js';
import { statusClasses } from '../components/status-classes.js';
import { stayList } from '../components/stay-list.js';
import { h, setShown, setText } from '../dom.js';
import { fatesOf } from '../fates.js';
import { millis, rate, share } from '../format.js';
import { changeOf, createHistoryFeed } from '../history-feed.js';
import { createPastFeed } from '../past.js';
import { appHref } from '../page-address.js';
import { staysOf } from '../stays.js';

// So far back it is looked how releases ended; the newest are listed.
const HISTORY = 100;
const LISTED = 12;
// What the histogram shows while the charts show the last minutes.
const RECENT_SECONDS = 900;
const STAYS = 8;

export function appPage({ api, model, actions, params }) {
	const name = params.app;
	const head = appHead(name, actions);
	const parts = buildParts(name, { api, model, actions });
	const feed = createHistoryFeed({ api, model, app: name, limit: HISTORY });
	const past = createPastFeed({ api, model, app: name });
	const missing = h('p.panel', { hidden: true });
	const body = layOut(name, parts);

	function update() {
		const state = model.app(name);
		const readOnlyReason = model.readOnlyReason();
		const disabledReason = readOnlyReason ?? model.refusal();
		setShown(body, Boolean(state));
		setShown(missing, !state);
		head.update(state, disabledReason);
		if (!state) return setText(missing, model.facts.loaded ? `There is no app “${name}”.` : 'Loading …');
		const now = Date.now();
		feed.follow(changeOf(state));
		updateTracks(parts, { state, now, disabledReason, readOnlyReason, events: feed.events() });
		parts.approvals.update({ state, who: model.facts.who, now, disabledReason });
		const view = { series: model.series(name), marks: model.marks(name), now, live: !model.isStale() };
		if (view.series) past.fill();
		parts.comparison.update({ stable: state.stable, candidate: state.candidate, ...view });
		const seconds = parts.range.seconds();
		const shown = seconds ? { ...view, series: past.series(seconds, state), span: seconds * 1000 } : view;
		parts.charts.forEach((each) => each.update(shown));
		parts.latency.update(past.latency(seconds || RECENT_SECONDS, state));
		parts.statuses.update(past.statuses(seconds || RECENT_SECONDS, state));
		parts.draining.update({ draining: state.draining ?? [], previous: state.previous, now, disabledReason });
		parts.problems.update(state.problems ?? []);
		parts.stays.update({ stays: staysOf(feed.events()).slice(0, STAYS), app: name, now });
		parts.history.update({ events: feed.events().slice(0, LISTED), fates: fatesOf(feed.events()), state, now, disabledReason });
	}

	return { element: h('div', {}, head.element, missing, body), title: name, update, stream: name };
}

function buildParts(name, { api, model, actions }) {
	const rows = buildRows(name, actions);
	const drains = {
		drain: (id, address) => actions.drainEndpoint(name, id, address),
		lift: (id, address) => actions.liftDrain(name, id, address),
	};
	const blend = blendControl({
		setBlend: (target, seq, reason) => actions.setBlend(name, target, seq, reason),
		dryRun: (percent) => actions.dryRun(name, { command: 'blend', percent }),
	});
	const approvals = approvalPanel({ approve: () => actions.approve(name), withdraw: () => actions.withdrawApproval(name) });
	return {
		rows,
		approvals,
		banner: releaseBanner({
			start: () => actions.startRelease(name),
			abort: () => actions.abort(name),
			promote: () => actions.promote(name),
			step: (percent) => blend.ask(percent),
			plan: {
				start: (plan) => actions.startPlan(name, plan),
				pause: () => actions.pausePlan(name),
				resume: () => actions.resumePlan(name),
				skip: () => actions.skipPlanStep(name),
				approve: () => actions.approvePlanStep(name),
				stop: () => actions.stopPlan(name),
			},
		}),
		comparison: comparisonTable(),
		range: rangeSwitch(() => model.notifyListeners()),
		cards: {
			stable: releaseCard('stable', rows.stable, drains),
			candidate: releaseCard('candidate', rows.candidate, drains, approvals.element),
		},
		blend,
		charts: [
			chart({ title: 'Requests', column: 'rate', format: rate, least: 1, testid: 'chart-rate' }),
			chart({ title: 'Errors', column: 'errors', format: share, least: 0.01, isShare: true, testid: 'chart-errors' }),
			chart({ title: 'p95', column: 'p95', format: millis, least: 10, testid: 'chart-p95' }),
		],
		latency: latencyHistogram(),
		statuses: statusClasses(),
		draining: drainingPanel({ finish: (tenure) => actions.finishDrain(name, tenure), finishAll: () => actions.finishDrains(name) }),
		problems: problemsPanel(),
		explain: explainPanel({ explain: (body) => api.explain(name, body) }),
		stays: stayList(),
		history: historyList({ rollback: (id) => actions.rollback(name, id) }),
	};
}

function buildRows(name, actions) {
	return {
		stable: actionRow([
			{ name: 'choose-stable', label: 'Choose stable…', run: () => actions.setTrack(name, 'stable') },
			{ name: 'rollback', label: 'Roll back…', tone: 'stop', run: () => actions.rollback(name) },
		]),
		candidate: actionRow([{ name: 'choose-candidate', label: 'Choose candidate…', run: () => actions.setTrack(name, 'candidate') }]),
	};
}

function layOut(name, { banner, cards, comparison, range, blend, charts, latency, statuses, draining, problems, explain, stays, history }) {
	const chartElements = [...charts, latency, statuses].map(({ element }) => element);
	const historyHead = h(
		'div.panel-head',
		{},
		h('h2.panel-title', { id: 'history-title' }, 'History'),
		h('a', { href: appHref(name, 'history'), testid: 'all-history' }, 'All changes'),
	);
	return h(
		'div.stack',
		{},
		banner.element,
		h('div.cards', {}, cards.stable.element, cards.candidate.element),
		comparison.element,
		blend.element,
		range.element,
		h('div.charts', { 'aria-label': 'Charts', role: 'group' }, chartElements),
		draining.element,
		problems.element,
		explain.element,
		h('section.panel', { 'aria-labelledby': 'history-title' }, historyHead, stays.element, history.element),
	);
}

// The cards, their buttons and the blend.
function updateTracks({ banner, cards, rows, blend }, { state, now, disabledReason, readOnlyReason, events }) {
	const { stable, candidate } = state;
	const links = state.settings?.fact_links;
	cards.stable.update({ release: stable, now, disabledReason, links });
	cards.candidate.update({ release: candidate, now, disabledReason, links });
	const noCandidate = candidate ? null : 'there is no candidate';
	const candidateReason = disabledReason ?? noCandidate;
	rows.stable.update({ 'choose-stable': disabledReason, rollback: disabledReason ?? noRollbackReason(state, events) });
	const noStart = disabledReason ?? (stable ? null : 'there is no stable release yet');
	rows.candidate.update({ 'choose-candidate': noStart });
	// This router can drop the candidate by itself while the store does not answer.
	const reasons = { start: noStart, abort: readOnlyReason ?? noCandidate, promote: candidateReason };
	banner.update({ state, now, reasons, stepReason: candidateReason, since: stepBegan(state, events) });
	blend.update({ state, disabledReason: candidateReason });
}

// When the candidate or the blend changed last.
function stepBegan({ candidate }, events) {
	const last = events.find(({ number, changed }) => !number && (changed?.blend || changed?.candidate));
	return last?.at ?? candidate?.since ?? null;
}

function noRollbackReason(state, events) {
	if (!state.stable) return 'there is no stable release yet';
	const hasEarlier = state.previous || events.some(({ changed }) => changed?.stable?.[0] && changed.stable[0] !== 'rolling/null');
	return hasEarlier ? null : 'there is no earlier release to roll back to';
}

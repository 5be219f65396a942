// All apps at a glance: what is live, what the candidate is, how both perform.

import { FILTERS, stateOf } from '../app-state.js';
import { flagApprovals } from '../approval-words.js';
import { h, keyed, setAttr, setShown, setText } from '../dom.js';
import { flagFreeze } from '../freeze-words.js';
import { plural, rate, share } from '../format.js';
import { describeHosts } from '../hosts.js';
import { health, releaseName } from '../release.js';
import { appHref } from '../page-address.js';
import { findBox } from '../components/find-box.js';
import { shareBar } from '../components/share-bar.js';
import { pageHead } from '../components/controls.js';

// More than these stand in two columns where there is room.
const MANY = 60;

export function appsPage({ model, params }) {
	const find = findBox({
		label: 'Find an app, release, host or state (/)',
		testid: 'apps-search',
		value: params.find,
		onChange: () => update(),
	});
	let filter = null;
	const chips = FILTERS.map(([key, label, holds]) => chip(key, label, holds, () => choose(key)));
	const count = h('p.quiet', { role: 'status' });
	const list = h('ul.app-list');
	const none = h('p.panel.quiet');
	const element = h(
		'div',
		{},
		pageHead('Apps', find.element, h('a.button', { href: '#/setup', testid: 'add-app' }, 'Set up an app')),
		h(
			'div.chips',
			{ role: 'group', 'aria-label': 'Show only' },
			chips.map((each) => each.element),
			count,
		),
		none,
		list,
	);
	let order = [];

	function choose(key) {
		filter = filter === key ? null : key;
		update();
	}

	// Sorted by severity. While the pointer is over the list nothing moves.
	function sortApps(judged) {
		const byRank = [...judged].sort((a, b) => a.rank - b.rank || a.state.app.localeCompare(b.state.app));
		if (list.matches(':hover') && order.length === judged.length) {
			const place = new Map(order.map((name, at) => [name, at]));
			byRank.sort((a, b) => (place.get(a.state.app) ?? 0) - (place.get(b.state.app) ?? 0));
		}
		order = byRank.map(({ state }) => state.app);
		return byRank;
	}

	function update() {
		const all = sortApps(model.apps().map((state) => ({ state, ...stateOf(state) })));
		const allows = FILTERS.find(([key]) => key === filter)?.[2] ?? (() => true);
		const shown = all.filter((each) => allows(each, each.state) && find.matches(`${searchText(each.state)} ${each.word}`));
		chips.forEach((each) => each.update(all, filter));
		list.classList.toggle('is-many', all.length > MANY);
		keyed(list, shown, ({ state }) => state.app, appRow);
		setShown(none, shown.length === 0);
		setText(none, describeNone(model.facts.loaded, all.length, find.text()));
		const some = find.text() || filter ? `${shown.length} of ${plural(all.length, 'app')}` : plural(all.length, 'app');
		setText(count, model.facts.loaded ? some : '');
	}

	function moveByKeys(event) {
		if (event.target.closest('input, select, textarea, dialog') || event.ctrlKey || event.metaKey || event.altKey) return;
		const links = [...list.querySelectorAll('.app-name')];
		const at = links.indexOf(document.activeElement);
		const target = { j: links[at + 1] ?? links.at(-1), k: links[Math.max(0, at - 1)], '/': find.element }[event.key];
		if (!target) return;
		event.preventDefault();
		target.focus();
	}

	document.addEventListener('keydown', moveByKeys);
	return { element, title: 'Apps', update, destroy: () => document.removeEventListener('keydown', moveByKeys) };
}

function describeNone(isLoaded, known, text) {
	if (!isLoaded) return 'Loading …';
	if (known === 0) return 'No apps yet.';
	return text ? `No app matches “${text}”.` : 'No app is like that.';
}

// A filter with the number of apps that it shows.
function chip(key, label, holds, run) {
	const number = h('b');
	const element = h('button', { type: 'button', class: 'chip', testid: `filter-${key}`, on: { click: run } }, `${label} `, number);
	return {
		element,
		update(all, chosen) {
			setText(number, String(all.filter((each) => holds(each, each.state)).length));
			setAttr(element, 'aria-pressed', String(chosen === key));
		},
	};
}

// The search also finds what the row says of an app: `candidate`, `locked`, `draining`, `problem`.
const searchText = (state) =>
	[
		state.app,
		releaseName(state.stable),
		state.candidate ? `candidate ${releaseName(state.candidate)}` : '',
		describeHosts(state),
		describeFlags(state),
	].join(' ');

const describeFlags = (state) =>
	[
		state.lock ? 'locked' : null,
		state.local_abort ? '⚠\u00a0aborted on this router alone' : null,
		flagApprovals(state),
		flagFreeze(state, Date.now()),
		state.draining?.length ? `${state.draining.length}\u00a0draining` : null,
		state.problems?.length ? `⚠\u00a0${plural(state.problems.length, 'problem')}` : null,
	]
		.filter(Boolean)
		.join(' · ');

function appRow() {
	const name = h('a.app-name');
	const hosts = h('span.quiet.app-hosts');
	const pill = h('span.pill');
	const stable = h('b.mono');
	const candidate = h('b.mono.ink-candidate');
	const figures = h('span.app-figures.live-value');
	const difference = h('span.app-difference.live-value');
	const bar = shareBar();
	const flags = h('span.app-flags');
	const element = h(
		'li.app-row',
		{},
		h('span.app-title', {}, name, hosts),
		pill,
		h('span.app-releases', {}, stable, candidate),
		bar.element,
		figures,
		difference,
		flags,
	);
	return {
		element,
		update({ state, word, tone }) {
			setText(name, state.app);
			setAttr(name, 'href', appHref(state.app));
			setAttr(name, 'data-testid', `app-${state.app}`);
			setText(hosts, describeHosts(state));
			setAttr(hosts, 'title', hosts.textContent);
			setText(pill, word);
			setAttr(pill, 'data-tone', tone);
			setText(stable, releaseName(state.stable));
			setText(candidate, state.candidate ? ` ◆ ${releaseName(state.candidate)}` : '');
			bar.update(state.candidate ? state.blend : 0);
			setText(figures, describeFigures(state.stable));
			setText(difference, describeDifference(state));
			setText(flags, describeFlags(state));
			setAttr(flags, 'title', flags.textContent);
		},
	};
}

function describeFigures(release) {
	if (!release) return '';
	const { all, serving, failing } = health(release);
	const endpoints = failing.length === 0 && all > 0 ? '' : `✕ ${serving} of ${all} serving · `;
	return `${endpoints}${rate(release.activity?.requests_per_second)} · ${share(release.activity?.error_share)} errors`;
}

// The candidate's share of errors beside stable's, in points.
function describeDifference({ stable, candidate }) {
	const [a, b] = [stable, candidate].map((release) => release?.activity?.error_share);
	if (typeof a !== 'number' || typeof b !== 'number') return '';
	const points = Math.round((b - a) * 10_000) / 100;
	return points ? `${points < 0 ? '−' : '+'}${Math.abs(points).toLocaleString()}\u00a0points` : '±0\u00a0points';
}

// All apps at a glance: what is live, what the candidate is, how both perform.

import { flagApprovals } from '../approval-words.js';
import { h, keyed, setAttr, setShown, setText } from '../dom.js';
import { flagFreeze } from '../freeze-words.js';
import { percent, plural, rate, share } from '../format.js';
import { describeHosts } from '../hosts.js';
import { health, releaseName } from '../release.js';
import { appHref } from '../page-address.js';
import { findBox } from '../components/find-box.js';
import { shareBar } from '../components/metric.js';
import { pageHead } from '../components/controls.js';

export function appsPage({ model, params }) {
	const find = findBox({
		label: 'Find an app, release, host or state',
		testid: 'apps-search',
		value: params.find,
		onChange: () => update(),
	});
	const count = h('p.quiet', { role: 'status' });
	const list = h('ul.apps');
	const none = h('p.panel.quiet');
	const element = h(
		'div',
		{},
		pageHead('Apps', find.element, h('a.button', { href: '#/setup', testid: 'add-app' }, 'Set up an app')),
		count,
		none,
		list,
	);

	function update() {
		const all = model.apps();
		const shown = all.filter((state) => find.matches(searchText(state)));
		keyed(list, shown, (state) => state.app, appRow);
		setShown(none, shown.length === 0);
		setText(none, !model.facts.loaded ? 'Loading …' : all.length === 0 ? 'No apps yet.' : `No app matches “${find.text()}”.`);
		setText(count, model.facts.loaded ? (find.text() ? `${shown.length} of ${plural(all.length, 'app')}` : plural(all.length, 'app')) : '');
	}
	return { element, title: 'Apps', update };
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
	const hosts = h('span.quiet');
	const stable = h('b.mono');
	const stableFigures = h('span.quiet.live-value');
	const candidate = h('b.mono');
	const candidateFigures = h('span.quiet.live-value');
	const bar = shareBar();
	const blend = h('span.live-value');
	const flags = h('span.app-flags');
	const element = h(
		'li.panel.app-row',
		{},
		h('div.app-title', {}, name, hosts, flags),
		h('div.app-track', {}, h('span.track-label.ink-stable', {}, '■ Stable'), stable, stableFigures),
		h('div.app-track', {}, h('span.track-label.ink-candidate', {}, '◆ Candidate'), candidate, candidateFigures),
		h('div.app-blend', {}, bar.element, blend),
	);
	return {
		element,
		update(state) {
			setText(name, state.app);
			setAttr(name, 'href', appHref(state.app));
			setAttr(name, 'data-testid', `app-${state.app}`);
			setText(hosts, describeHosts(state));
			setText(stable, releaseName(state.stable));
			setText(stableFigures, describeFigures(state.stable));
			setText(candidate, releaseName(state.candidate));
			setText(candidateFigures, describeFigures(state.candidate));
			bar.update(state.candidate ? state.blend : 0);
			setText(blend, `blend ${percent(state.blend)}`);
			setText(flags, describeFlags(state));
		},
	};
}

function describeFigures(release) {
	if (!release) return '';
	const { all, serving, failing } = health(release);
	const endpoints = failing.length === 0 && all > 0 ? `● ${plural(all, 'endpoint')}` : `✕ ${serving} of ${all} serving`;
	return `${endpoints} · ${rate(release.activity?.requests_per_second)} · ${share(release.activity?.error_share)} errors`;
}

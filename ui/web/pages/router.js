// This router: its name, what it listens on, the state of its store, and the keyvalues that it cannot use.

import { h, keyed, setShown, setText } from '../dom.js';
import { duration } from '../format.js';
import { freezeWindowsPanel } from '../components/freeze-windows.js';
import { problemsPanel } from '../components/problems.js';
import { describeStore } from '../components/banners.js';

export function routerPage({ api, model, notices }) {
	const list = h('dl.rows');
	const problems = problemsPanel();
	const freezes = freezeWindowsPanel({ api, model, notices });
	const panels = h('div.stack', {}, h('section.panel', {}, list), problems.element, freezes.element);
	return {
		element: h('div', {}, h('h1', { tabindex: '-1' }, 'This router'), panels),
		title: 'Router',
		refreshRouter: true,
		update() {
			const { router } = model.facts;
			keyed(list, router ? facts(router) : [['Router', 'not loaded yet']], ([name]) => name, fact);
			problems.update((router?.problems ?? []).filter((problem) => problem.key));
			freezes.update();
		},
	};
}

function facts(router) {
	return [
		['Id in the fleet', router.node, 'It stays when the router gets another name or address.'],
		['Version', router.version],
		['Running for', duration(router.uptime_seconds)],
		['Listening on', (router.listen ?? []).map((each) => (typeof each === 'string' ? each : Object.values(each).join(' '))).join(', ')],
		['Store', `${router.store?.kind ?? 'unknown'}, ${describeStore(router.store)}`],
		['Changes of the store', String(router.store?.revision ?? '–'), 'Routers that show the same number have read the same.'],
	];
}

function fact() {
	const name = h('dt');
	const value = h('span');
	const meaning = h('span.quiet');
	const element = h('div.row', {}, name, h('dd', {}, value, ' ', meaning));
	return {
		element,
		update([label, text, means]) {
			setText(name, label);
			setText(value, text);
			setShown(meaning, Boolean(means));
			setText(meaning, means);
		},
	};
}

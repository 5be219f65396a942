// The plans of an app: the one that runs, and what each that can be started does, step by step.

import { h, keyed, setShown, setText, showLines } from '../dom.js';
import { plural } from '../format.js';
import { appHref } from '../page-address.js';
import { describeStep } from '../plan-words.js';
import { appLinks } from '../components/app-links.js';
import { errorLine, pageHead, prose } from '../components/controls.js';
import { planRail } from '../components/plan-rail.js';

const HELP =
	'A plan raises the share of new visitors that go to the candidate, step by step. It goes on only while the verdict speaks for the ' +
	'candidate, and never promotes past the checks that hold for people. A line of the setting `plans` is one plan: ' +
	'`gradual: 5% hold=10m; 25% hold=20m sessions=500; 50% approval; promote`.';

export function plansPage({ api, model, actions, params }) {
	const name = params.app;
	const error = errorLine('plans-error');
	const rail = planRail({
		start: (plan) => actions.startPlan(name, plan),
		pause: () => actions.pausePlan(name),
		resume: () => actions.resumePlan(name),
		skip: () => actions.skipPlanStep(name),
		approve: () => actions.approvePlanStep(name),
		stop: () => actions.stopPlan(name),
	});
	const now = h('p', { role: 'status', testid: 'plans-now' });
	const reasonLine = h('p.why');
	const none = h('p.quiet', { testid: 'plans-none' }, 'This app has no plans yet.');
	const list = h('ul.rows', { testid: 'plans' });
	let shown = null;

	async function load() {
		try {
			const { plans } = await api.getPlans(name);
			setShown(none, plans.length === 0);
			keyed(list, plans, (plan) => plan.name, planRow);
			setText(error, '');
		} catch (refusal) {
			setText(error, refusal.message);
		}
	}

	function update() {
		const state = model.app(name);
		if (!state) return;
		const lines = JSON.stringify(state.settings?.plans ?? []);
		if (lines !== shown) {
			shown = lines;
			load();
		}
		const reason = model.readOnlyReason() ?? model.refusal();
		setText(now, describeNow(state));
		setShown(now, !state.plan);
		setText(reasonLine, reason ? `Start a plan: ${reason}.` : '');
		setShown(reasonLine, Boolean(reason) && !state.plan);
		rail.update({ state, reason });
	}

	return {
		element: h(
			'div',
			{},
			pageHead(`Plans of ${name}`, appLinks(name, 'plans')),
			h('section.panel.stack', { 'aria-label': 'The plan that runs' }, now, rail.element, reasonLine),
			h(
				'section.panel.below',
				{ 'aria-labelledby': 'plans-all' },
				h(
					'div.panel-head',
					{},
					h('h2.panel-title', { id: 'plans-all' }, 'Plans that can be started'),
					h('a', { href: appHref(name, 'settings'), testid: 'plans-edit' }, 'Change them in the settings'),
				),
				error,
				none,
				list,
			),
			h('p.lead', {}, prose(HELP)),
		),
		title: `Plans of ${name}`,
		stream: name,
		update,
	};
}

function describeNow({ candidate, settings }) {
	if (!candidate) return 'No plan runs. A plan raises the share of a candidate, and there is none now.';
	return settings?.plans?.length ? 'No plan runs. The blend is moved by hand.' : 'No plan runs, and none can be started.';
}

function planRow() {
	const title = h('b.release-row-name');
	const budget = h('span.quiet');
	const steps = h('ol.plan-steps');
	const end = h('p.quiet');
	return {
		element: h('li.row.plan-row', {}, h('div', {}, title, ' ', budget), h('div', {}, steps, end)),
		update(plan) {
			setText(title, plan.name);
			setText(budget, plan.harm_max ? `at most ${plural(plan.harm_max, 'user')} harmed` : '');
			showLines(steps, plan.steps.map(describeStep));
			setText(end, plan.then === 'promote' ? 'Then the candidate is promoted.' : 'Then the blend stays.');
		},
	};
}

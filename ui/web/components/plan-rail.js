// The plan that raises the candidate's blend: its steps, which one it is at, what it waits for, and what can be done about it. Without
// one, the plans that can be started.

import { h, setAttr, setShown, setText } from '../dom.js';
import { percent } from '../format.js';
import { describePlan, describePlanEnd, lacksApproval, planNames } from '../plan-words.js';
import { actionRow } from './actions.js';
import { button } from './controls.js';

/** `commands` has `start(name)`, `pause()`, `resume()`, `skip()`, `approve()`, `stop()`. `update({state, reason})`: why all of it is off. */
export function planRail(commands) {
	const text = h('p', { testid: 'plan' });
	const steps = h('ol.rail', { 'aria-label': 'Steps of the plan' });
	const row = actionRow([
		{ name: 'plan-approve', label: 'Approve step…', run: commands.approve },
		{ name: 'plan-pause', label: 'Pause plan…', run: commands.pause },
		{ name: 'plan-resume', label: 'Resume plan…', run: commands.resume },
		{ name: 'plan-skip', label: 'Skip step…', run: commands.skip },
		{ name: 'plan-stop', label: 'End plan…', run: commands.stop },
	]);
	const running = h('div', {}, text, steps, row.element);
	const offers = h('p.plan-offers');
	const element = h('div.plan', {}, running, offers);
	let drawn = '';
	let off = null;

	function draw(plan, names) {
		const key = JSON.stringify([plan?.steps, plan?.step, plan?.then, names]);
		if (key === drawn) return;
		drawn = key;
		steps.replaceChildren(...(plan ? stepsOf(plan) : []));
		offers.replaceChildren(...names.map((name) => offer(name)));
	}

	const offer = (name) => button(`Start plan ${name}…`, { testid: `plan-start-${name}`, run: () => off ?? commands.start(name) });

	return {
		element,
		update({ state, reason }) {
			const { plan, candidate } = state;
			off = reason;
			draw(plan, plan || !candidate ? [] : planNames(state.settings?.plans));
			setShown(running, Boolean(plan));
			setShown(offers, !plan && offers.children.length > 0);
			for (const each of offers.children) {
				setAttr(each, 'aria-disabled', reason ? 'true' : null);
				setAttr(each, 'title', reason);
			}
			if (!plan) return;
			setText(text, describePlan(plan));
			setShown(row.button('plan-approve'), lacksApproval(plan));
			setShown(row.button('plan-pause'), !plan.paused);
			setShown(row.button('plan-resume'), Boolean(plan.paused));
			const names = ['approve', 'pause', 'resume', 'skip', 'stop'];
			row.update(Object.fromEntries(names.map((name) => [`plan-${name}`, reason])));
		},
	};
}

function stepsOf(plan) {
	const words = [...plan.steps.map((step) => percent(step.blend)), describePlanEnd(plan)];
	return words.map((word, index) => {
		const at = index + 1;
		const tone = at < plan.step ? 'is-done' : at === plan.step ? 'is-next' : '';
		const step = h('span', { class: `rail-step ${tone}` }, word);
		setAttr(step, 'aria-current', at === plan.step ? 'step' : null);
		return h('li', {}, step);
	});
}

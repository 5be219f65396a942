// What is being released, in the tone of the verdict, with what can be done about it. It stays in sight while the page is scrolled. The
// action that the verdict speaks for is the prominent one.

import { judge } from '../advice.js';
import { h, setAttr, setShown, setText } from '../dom.js';
import { duration, percent } from '../format.js';
import { releaseName } from '../release.js';
import { actionRow } from './actions.js';
import { button } from './controls.js';
import { planRail } from './plan-rail.js';

const STEPS = [5, 25, 50, 100];

/**
 * `start()`, `abort()` and `promote()` open their dialogs, as the commands of `plan` do; `step(percent)` sets the blend.
 * `update({state, now, reasons, stepReason, since})`: `reasons` says why a button is off, by name; `since` is when candidate or blend changed last.
 */
export function releaseBanner({ start, abort, promote, step, plan }) {
	const word = h('b.banner-word');
	const what = h('b.mono');
	const at = h('span.live-value');
	const head = h('p.banner-head', {}, word, ' ', what, ' ', at);
	const text = h('p.banner-sentence');
	const rail = stepRail(step);
	const planned = planRail(plan);
	const startButton = button('Start a release…', {
		tone: 'primary',
		testid: 'start-release',
		run: () => !startButton.getAttribute('aria-disabled') && start(),
	});
	const row = actionRow([
		{ name: 'abort', label: 'Abort…', tone: 'stop', run: abort },
		{ name: 'promote', label: 'Promote…', run: promote },
	]);
	const element = h(
		'section.release-banner',
		{ 'aria-label': 'Release', testid: 'release-banner' },
		h('div.banner-text', {}, h('div', { testid: 'verdict', role: 'status' }, head, text), rail.element, planned.element, h('p', {}, startButton)),
		row.element,
	);
	return {
		element,
		update({ state, now, reasons, stepReason, since }) {
			const { candidate, blend } = state;
			const judged = judge(state);
			setAttr(element, 'data-tone', judged?.tone ?? 'none');
			setText(word, judged ? judged.word : 'Nothing is being released.');
			setText(what, candidate ? releaseName(candidate) : '');
			setText(at, candidate ? `at ${percent(blend)}${since ? ` for ${duration((now - since) / 1000)}` : ''}` : '');
			setText(text, sayOnce(judged));
			setShown(text, Boolean(judged));
			setShown(rail.element, Boolean(candidate) && !state.plan);
			planned.update({ state, reason: stepReason });
			rail.update(blend, stepReason);
			setShown(startButton.parentElement, !candidate);
			setAttr(startButton, 'aria-disabled', reasons.start ? 'true' : null);
			setAttr(startButton, 'title', reasons.start);
			row.update({ abort: reasons.abort, promote: reasons.promote });
			row.button('abort').classList.toggle('is-filled', judged?.tone === 'bad');
			row.button('promote').classList.toggle('go', judged?.tone === 'good');
		},
	};
}

// The sentence without the word that stands above it in large.
function sayOnce(judged) {
	const text = judged?.text ?? '';
	if (judged?.tone !== 'open') return text;
	const rest = text.replace(/^Undecided[.:] /, '');
	return rest.charAt(0).toUpperCase() + rest.slice(1);
}

// The steps that people usually take, as a suggestion: where the release is, and what comes next.
function stepRail(step) {
	let reason = null;
	const steps = STEPS.map((target) => ({
		target,
		element: h(
			'button',
			{ type: 'button', class: 'rail-step', testid: `step-${target}`, on: { click: () => reason ?? step(target) } },
			percent(target),
		),
	}));
	const element = h(
		'ol.rail',
		{ 'aria-label': 'Suggested steps' },
		steps.map((each) => h('li', {}, each.element)),
	);
	return {
		element,
		update(blend, nextReason) {
			reason = nextReason;
			const next = STEPS.find((target) => target > blend);
			for (const { target, element: each } of steps) {
				each.classList.toggle('is-done', target <= blend);
				each.classList.toggle('is-next', target === next);
				setAttr(each, 'aria-current', target === blend ? 'step' : null);
				setAttr(each, 'aria-label', `${target === next ? 'Next step: ' : ''}${percent(target)}`);
				setAttr(each, 'aria-disabled', reason ? 'true' : null);
			}
		},
	};
}

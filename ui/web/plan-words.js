// Puts into words where a plan is and what it waits for. Pure.

import { duration, percent, plural } from './format.js';

/** The names of the plans that a setting has, in its order. */
export const planNames = (lines = []) => lines.map((line) => line.slice(0, line.indexOf(':')));

/** "Plan gradual, step 2 of 4, started by ops: waits for …". */
export function describePlan(plan) {
	const budget = plan.harm_max ? `, at most ${plural(plan.harm_max, 'user')} harmed` : '';
	const where = `Plan ${plan.name}, step ${plan.step} of ${plan.steps.length}${budget}, started by ${plan.started_by}`;
	if (plan.held_by.length) return `${where}. Held: ${plan.held_by.join('; ')}.`;
	if (plan.waits_for.length) return `${where}. Waits for ${plan.waits_for.join('; ')}.`;
	return `${where}. It goes on now.`;
}

/** A step and what it takes to go on from it: `5 %: held for 1 d, an operator approves`. */
export function describeStep({ blend, hold_seconds: hold, sessions_min: sessions, gate, approval }) {
	const needs = [
		hold ? `held for ${duration(hold)}` : null,
		sessions ? `${plural(sessions, 'new visitor')} got the candidate` : null,
		gate ? `the hook ${gate} lets it go on` : null,
		approval ? 'an operator approves' : null,
	].filter(Boolean);
	return needs.length ? `${percent(blend)}: ${needs.join(', ')}` : percent(blend);
}

/** What follows the last step. */
export const describePlanEnd = (plan) => (plan.then === 'promote' ? 'promote' : 'stay');

/** Whether an operator has to let it go on. */
export const lacksApproval = (plan) => Boolean(plan.steps[plan.step - 1]?.approval) && !plan.approved_by;

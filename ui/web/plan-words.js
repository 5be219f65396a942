// Puts into words where a plan is and what it waits for. Pure.

import { plural } from './format.js';

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

/** What follows the last step. */
export const describePlanEnd = (plan) => (plan.then === 'promote' ? 'promote' : 'stay');

/** Whether an operator has to let it go on. */
export const lacksApproval = (plan) => Boolean(plan.steps[plan.step - 1]?.approval) && !plan.approved_by;

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { describePlan, describeStep, lacksApproval, planNames } from '../web/plan-words.js';

const plan = { name: 'gradual', steps: [{ blend: 5 }, { blend: 25, approval: true }], step: 2, started_by: 'ops', held_by: [], waits_for: [] };

test('a plan says where it is and what it waits for', () => {
	assert.equal(describePlan(plan), 'Plan gradual, step 2 of 2, started by ops. It goes on now.');
	assert.match(describePlan({ ...plan, harm_max: 20 }), /^Plan gradual, step 2 of 2, at most 20\susers harmed, started by ops\./);
	const waits = { ...plan, waits_for: ['the end of its hold, in 10 min', 'the approval of an operator'] };
	assert.match(describePlan(waits), /Waits for the end of its hold, in 10 min; the approval of an operator\.$/);
	assert.match(describePlan({ ...waits, held_by: ['the app is locked by ops'] }), /Held: the app is locked by ops\.$/);
});

test('an approval is asked for once, and plans are known by their names', () => {
	assert.equal(lacksApproval(plan), true);
	assert.equal(lacksApproval({ ...plan, approved_by: 'ops' }), false);
	assert.equal(lacksApproval({ ...plan, step: 1 }), false);
	assert.deepEqual(planNames(['gradual: 5%; promote', 'slow: 1%; hold']), ['gradual', 'slow']);
});

test('a step says what it takes to go on', () => {
	const plain = (step) => describeStep(step).replaceAll('\u00a0', ' ');
	assert.equal(plain({ blend: 5 }), '5 %');
	const all = { blend: 25, hold_seconds: 1200, sessions_min: 500, gate: 'ci', approval: true };
	const words = '25 %: held for 20 min, 500 new visitors got the candidate, the hook ci lets it go on, an operator approves';
	assert.equal(plain(all), words);
});

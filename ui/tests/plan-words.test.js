import assert from 'node:assert/strict';
import { test } from 'node:test';

import { describePlan, lacksApproval, planNames } from '../web/plan-words.js';

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

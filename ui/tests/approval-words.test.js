import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeApprovals, describeGiven, flagApprovals, hasApproved, noApprovalReason } from '../web/approval-words.js';

const NOW = Date.UTC(2026, 6, 3, 11);
const plain = (text) => text.replaceAll('\u00a0', ' ');
const bob = { by: 'bob', at: NOW - 300_000 };
const with_ = (approvals) => ({ candidate: { release: '1.0.1', set_by: 'alice', approvals } });
const waits = with_({ needed: 2, given: [bob], missing: 1, new_endpoints: [] });

test('the card says who approved, how many are missing, and who may give them', () => {
	assert.equal(describeApprovals({ candidate: null }, NOW), null);
	assert.equal(describeApprovals({ candidate: { release: '1.0.1' } }, NOW), null);
	const { text, isMissing } = describeApprovals(waits, NOW);
	assert.match(plain(text), /^1 of 2 approvals: bob, 5 min ago\. 1 more before it becomes stable, from operators other than alice\.$/);
	assert.ok(isMissing);
	const none = describeApprovals(with_({ needed: 1, given: [], missing: 1, new_endpoints: ['10.0.0.7:80'] }), NOW);
	assert.match(plain(none.text), /^0 of 1 approvals\. Those given before have ended, since 10\.0\.0\.7:80 is new\. 1 more/);
	const enough = describeApprovals(with_({ needed: 1, given: [bob], missing: 0 }), NOW);
	assert.match(plain(enough.text), /^1 of 1 approvals: bob, 5 min ago\.$/);
	assert.ok(!enough.isMissing);
	assert.match(plain(describeApprovals(with_({ needed: 0, given: [bob], missing: 0 }), NOW).text), /^1 approval: bob/);
});

test('the list of releases says who approved one, also while it is on no track', () => {
	assert.equal(describeGiven(undefined, NOW), '');
	assert.equal(describeGiven({ needed: 1, given: [], missing: 1, new_endpoints: [] }, NOW), '');
	assert.equal(plain(describeGiven({ needed: 2, given: [bob], missing: 1, new_endpoints: [] }, NOW)), '1 of 2 approvals: bob, 5 min ago.');
	const ended = describeGiven({ needed: 1, given: [], missing: 1, new_endpoints: ['10.0.0.7:80'] }, NOW);
	assert.match(plain(ended), /^0 of 1 approvals\. Those given before have ended/);
});

test('whoever cannot approve is told why', () => {
	const who = (name, role = 'operator') => ({ name, role });
	assert.equal(noApprovalReason(waits, who('carol')), null);
	assert.equal(noApprovalReason(waits, who('root', 'admin')), null);
	assert.match(noApprovalReason(waits, who('alice')), /^you made 1\.0\.1 the candidate, so others approve it$/);
	assert.match(noApprovalReason(waits, who('ci-main', 'ci')), /^your role is ci, and operators approve$/);
	assert.match(noApprovalReason({ candidate: null }, who('carol')), /no candidate/);
	assert.ok(hasApproved(waits, who('bob')));
	assert.ok(!hasApproved(waits, who('carol')) && !hasApproved(waits, null) && !hasApproved({}, who('bob')));
});

test('the overview says what waits', () => {
	assert.equal(plain(flagApprovals(waits)), 'waits for 1 approval');
	assert.equal(flagApprovals({ candidate: null }), '');
	assert.equal(flagApprovals(with_({ needed: 1, given: [bob], missing: 0 })), '');
});

// The approvals of the candidate, on its card: who gave some, what is missing, and the buttons by which the reader gives one or takes it
// back. Both buttons stay at their places.

import { describeApprovals, hasApproved, noApprovalReason } from '../approval-words.js';
import { h, setShown, setText } from '../dom.js';
import { actionRow } from './actions.js';

/** `update({state, who, now, disabledReason})`. It is shown where the app needs approvals, or somebody gave one. */
export function approvalPanel({ approve, withdraw }) {
	const text = h('p.approvals-text', { testid: 'approvals', role: 'status' });
	const row = actionRow([
		{ name: 'approve', label: 'Approve…', tone: 'small', run: approve },
		{ name: 'withdraw-approval', label: 'Take back…', tone: 'small', run: withdraw },
	]);
	const element = h('div.approvals', { role: 'group', 'aria-label': 'Approvals', hidden: true }, text, row.element);
	return {
		element,
		update({ state, who, now, disabledReason }) {
			const words = describeApprovals(state, now);
			setShown(element, Boolean(words));
			if (!words) return;
			setText(text, words.text);
			text.classList.toggle('is-missing', words.isMissing);
			const isMine = hasApproved(state, who);
			row.update({
				approve: disabledReason ?? (isMine ? 'you have approved it' : noApprovalReason(state, who)),
				'withdraw-approval': disabledReason ?? (isMine ? null : 'you have not approved it'),
			});
		},
	};
}

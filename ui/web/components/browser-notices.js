// The switch for notifications of this browser: releases and alarms while the page is open but not looked at.

import { h, setAttr, setText } from '../dom.js';

/** `notifier` is made by `notify.js`. */
export function browserNotices(notifier) {
	const reasonLine = h('p.why', { id: 'notify-why' });
	const control = h(
		'button.switch',
		{
			type: 'button',
			role: 'switch',
			'aria-checked': 'false',
			testid: 'notify-switch',
			'aria-describedby': 'notify-why',
			on: { click: () => notifier.toggle().then(update) },
		},
		h('span.switch-knob', { 'aria-hidden': 'true' }),
		'Notify me in this browser',
	);

	function update() {
		const reason = notifier.unavailableReason();
		setAttr(control, 'aria-checked', String(notifier.isOn()));
		setAttr(control, 'aria-disabled', reason ? 'true' : null);
		setText(
			reasonLine,
			reason ??
				'You are notified of releases and alarms while this page is open in a tab that you are not looking at. The choice is kept in this browser.',
		);
	}

	return {
		element: h(
			'section.panel.below',
			{ 'aria-labelledby': 'notify-title' },
			h('h2.panel-title', { id: 'notify-title' }, 'This browser'),
			control,
			reasonLine,
		),
		update,
	};
}

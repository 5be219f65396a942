// The switch for notices of this browser: releases and alarms while the page is open and not looked at.

import { h, setAttr, setText } from '../dom.js';

/** `notifier` as `notify.js` makes it. */
export function browserNotices(notifier) {
	const why = h('p.why', { id: 'notify-why' });
	const control = h(
		'button.switch',
		{
			type: 'button',
			role: 'switch',
			testid: 'notify-switch',
			'aria-describedby': 'notify-why',
			on: { click: () => notifier.toggle().then(update) },
		},
		h('span.switch-knob', { 'aria-hidden': 'true' }),
		'Notify me in this browser',
	);

	function update() {
		const reason = notifier.whyNot();
		setAttr(control, 'aria-checked', String(notifier.isOn()));
		setAttr(control, 'aria-disabled', reason ? 'true' : null);
		setText(why, reason ?? 'Of releases and alarms, while this page is open in a tab that you do not look at. Kept for this browser.');
	}

	return {
		element: h(
			'section.panel.below',
			{ 'aria-labelledby': 'notify-title' },
			h('h2.panel-title', { id: 'notify-title' }, 'This browser'),
			control,
			why,
		),
		update,
	};
}

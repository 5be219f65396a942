// A row of buttons at fixed places. A button that is disabled stays, can be focused, and says why in visible text.

import { freshId, h, setAttr, setText } from '../dom.js';

/**
 * `buttons` is `[{name, label, tone, run}]`; the name is the data-testid. `update({name: reason})` disables the button of that name and
 * shows the reason; null enables it. It uses aria-disabled, since a button with `disabled` cannot be focused and so cannot say its reason.
 * `button(name)` is its element.
 */
export function actionRow(buttons) {
	const reasonLine = h('p.why', { id: freshId('why') });
	const reasons = {};
	const elements = buttons.map(({ name, label, tone, run }) => [
		name,
		h(
			'button',
			{
				type: 'button',
				class: `button ${tone ?? ''}`,
				testid: name,
				on: {
					click: (event) => {
						if (!reasons[name]) run(event);
					},
				},
			},
			label,
		),
	]);
	return {
		element: h(
			'div.action-row',
			{},
			h(
				'div.action-buttons',
				{},
				elements.map(([, button]) => button),
			),
			reasonLine,
		),
		button: (name) => elements.find(([each]) => each === name)[1],
		update(next) {
			Object.assign(reasons, next);
			for (const [name, button] of elements) {
				setAttr(button, 'aria-disabled', reasons[name] ? 'true' : null);
				setAttr(button, 'aria-describedby', reasons[name] ? reasonLine.id : null);
			}
			setText(reasonLine, describeReasons(buttons, reasons));
		},
	};
}

// Buttons with the same reason share one sentence.
function describeReasons(buttons, reasons) {
	const grouped = new Map();
	for (const { name, label } of buttons) {
		if (!reasons[name]) continue;
		grouped.set(reasons[name], [...(grouped.get(reasons[name]) ?? []), label.replace('…', '').trim()]);
	}
	return [...grouped].map(([reason, labels]) => `${labels.join(', ')}: ${reason}.`).join(' ');
}

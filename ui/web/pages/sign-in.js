// Signs in: the router takes the token once and has the browser keep a session for it. The page forgets the token.

import { createApi } from '../api.js';
import { h, setAttr, setText } from '../dom.js';
import { ICON } from '../theme.js';
import { errorLine, submitButton } from '../components/controls.js';

/** `reason` says why the reader has to sign in again. `onSignedIn(who)` runs once the router has accepted the token. */
export function signInPage({ reason, onSignedIn }) {
	const token = h('input.input.mono', {
		id: 'token',
		type: 'password',
		autocomplete: 'current-password',
		spellcheck: 'false',
		required: true,
		testid: 'sign-in-token',
		'aria-describedby': 'token-hint token-error',
	});
	const error = errorLine('sign-in-error', { id: 'token-error' });
	const submit = submitButton('Sign in', 'sign-in-submit');
	setText(error, reason);
	const form = h(
		'form.panel.sign-in',
		{},
		h('img', { src: ICON, alt: '', width: '40', height: '40' }),
		h('h1', {}, 'rolling-router'),
		h(
			'div.field',
			{},
			h('label', { for: 'token' }, 'Token'),
			token,
			h(
				'p.quiet',
				{ id: 'token-hint' },
				'The router printed a token at its first start and keeps it in its token file. The browser stays signed in, without the token, ' +
					'until you sign out: at most 7 days, and 12 hours without use.',
			),
		),
		error,
		submit,
	);

	form.addEventListener('submit', async (event) => {
		event.preventDefault();
		const value = token.value.trim();
		if (!/^[\x21-\x7e]+$/.test(value)) return setText(error, 'A token has no spaces and no special characters.');
		setAttr(submit, 'aria-disabled', 'true');
		setText(error, '');
		try {
			onSignedIn((await createApi().signIn(value)).who);
		} catch (refusal) {
			setText(error, describeRefusal(refusal));
			setAttr(submit, 'aria-disabled', null);
			token.select();
		}
	});

	return { element: h('main.sign-in-page', {}, form), title: 'Sign in', focus: () => token.focus() };
}

function describeRefusal(refusal) {
	if (refusal.status === 401) return 'The router does not know this token.';
	if (refusal.status === 429) return `Too many wrong tokens. Try again in ${refusal.retryAfter ?? 'a few'} seconds.`;
	return refusal.message;
}

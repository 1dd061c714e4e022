"""Reference values of European options, by QuantLib, for tests of pricing and implied volatility.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install QuantLib==1.44
    /tmp/venv/bin/python options.py > options.json

Each case: model, right, underlying, strike, years, rate, dividend, volatility, and what QuantLib
says: price, delta, gamma, vega (per 1.00), theta (per year), rho (per 1.00), and the volatility
found again from the price. Days are whole, so that QuantLib's calendar and years of 365 days agree.
"""

import json
import random

import QuantLib as ql

TODAY = ql.Date(15, 6, 2026)
ql.Settings.instance().evaluationDate = TODAY
DAYS = ql.Actual365Fixed()


def case(model, right, underlying, strike, days, rate, dividend, vol):
    expiry = TODAY + days
    payoff = ql.PlainVanillaPayoff(ql.Option.Call if right == "call" else ql.Option.Put, strike)
    option = ql.VanillaOption(payoff, ql.EuropeanExercise(expiry))
    flat = lambda value: ql.YieldTermStructureHandle(ql.FlatForward(TODAY, value, DAYS))
    spot = ql.QuoteHandle(ql.SimpleQuote(underlying))
    surface = ql.BlackVolTermStructureHandle(
        ql.BlackConstantVol(TODAY, ql.NullCalendar(), vol, DAYS)
    )
    if model == "bsm":
        process = ql.BlackScholesMertonProcess(spot, flat(dividend), flat(rate), surface)
    else:
        process = ql.BlackProcess(spot, flat(rate), surface)
    option.setPricingEngine(ql.AnalyticEuropeanEngine(process))
    years = days / 365.0
    discount = flat(rate).discount(expiry)
    carry = rate - dividend if model == "bsm" else 0.0
    forward = underlying * pow(2.718281828459045, carry * years)
    deviation = None
    try:
        deviation = ql.blackFormulaImpliedStdDev(
            payoff.optionType(), strike, forward, option.NPV(), discount, 0.0, 0.2, 1e-14, 1000
        )
    except RuntimeError:
        pass
    # Of a future's option QuantLib's own rho holds the forward's drift apart; what Black-76 means is
    # the change of the price with the rate, so it is priced twice.
    return {
        "model": model,
        "right": right,
        "underlying": underlying,
        "strike": strike,
        "days": days,
        "rate": rate,
        "dividend": dividend,
        "vol": vol,
        "price": option.NPV(),
        "delta": option.delta(),
        "gamma": option.gamma(),
        "vega": option.vega(),
        "theta": option.theta(),
        "rho": option.rho() if model == "bsm" else slope(option, spot, surface, flat, rate),
        "implied": None if deviation is None else deviation / years**0.5,
    }


def slope(option, spot, surface, flat, rate, step=1e-3):
    def price(at):
        process = ql.BlackProcess(spot, flat(at), surface)
        option.setPricingEngine(ql.AnalyticEuropeanEngine(process))
        return option.NPV()

    near = (price(rate + step) - price(rate - step)) / (2 * step)
    far = (price(rate + 2 * step) - price(rate - 2 * step)) / (4 * step)
    return (4 * near - far) / 3


def main():
    random.seed(20260615)
    cases = []
    for _ in range(200):
        model = random.choice(["bsm", "black76"])
        underlying = random.choice([42.5, 658.05, 3900.86, 21742.5])
        cases.append(
            case(
                model,
                random.choice(["call", "put"]),
                underlying,
                round(underlying * random.uniform(0.7, 1.35), 2),
                random.choice([1, 2, 5, 14, 30, 91, 365, 900]),
                round(random.uniform(-0.01, 0.08), 4),
                round(random.uniform(0.0, 0.04), 4) if model == "bsm" else 0.0,
                round(random.uniform(0.05, 1.2), 4),
            )
        )
    print("[\n" + ",\n".join(json.dumps(it) for it in cases) + "\n]")


if __name__ == "__main__":
    main()

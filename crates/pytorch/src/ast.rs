//! Python as the interpreter sees it: what the parser gives, with names shared and each place known.

use std::rc::Rc;

use crate::source::Span;

/// A name.
pub(crate) type Name = Rc<str>;

/// Statements in order.
pub(crate) type Block = Rc<[Stmt]>;

#[derive(Debug)]
pub(crate) struct Stmt {
    pub(crate) span: Span,
    pub(crate) kind: StmtKind,
    /// Whether `yield` stands in it, functions inside left out.
    pub(crate) yields: bool,
}

#[derive(Debug)]
pub(crate) enum StmtKind {
    Expr(Expr),
    Assign {
        targets: Vec<Expr>,
        value: Expr,
    },
    AugAssign {
        target: Expr,
        op: BinaryOp,
        value: Expr,
    },
    /// `target: annotation [= value]`.
    AnnAssign {
        target: Expr,
        annotation: Expr,
        value: Option<Expr>,
    },
    Return(Option<Expr>),
    If {
        branches: Vec<(Expr, Block)>,
        orelse: Block,
    },
    For {
        target: Expr,
        iter: Expr,
        body: Block,
        orelse: Block,
    },
    While {
        test: Expr,
        body: Block,
        orelse: Block,
    },
    Break,
    Continue,
    Pass,
    Function(Rc<FunctionDef>),
    Class(Rc<ClassDef>),
    Import(Vec<Alias>),
    ImportFrom {
        module: Option<Name>,
        names: Vec<Alias>,
        level: u32,
    },
    Raise {
        exception: Option<Expr>,
        cause: Option<Expr>,
    },
    Try {
        body: Block,
        handlers: Vec<Handler>,
        orelse: Block,
        finally: Block,
    },
    Assert {
        test: Expr,
        message: Option<Expr>,
    },
    With {
        items: Vec<(Expr, Option<Expr>)>,
        body: Block,
    },
    Global(Vec<Name>),
    Nonlocal(Vec<Name>),
    Delete(Vec<Expr>),
    Match {
        subject: Expr,
        cases: Vec<Case>,
    },
    /// What the interpreter does not know, by name.
    Unsupported(&'static str),
}

#[derive(Debug)]
pub(crate) struct Alias {
    pub(crate) span: Span,
    /// `torch.nn.functional`, or `*`.
    pub(crate) name: Name,
    pub(crate) asname: Option<Name>,
}

#[derive(Debug)]
pub(crate) struct Handler {
    pub(crate) types: Option<Expr>,
    pub(crate) name: Option<Name>,
    pub(crate) body: Block,
}

#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) pattern: Pattern,
    pub(crate) guard: Option<Expr>,
    pub(crate) body: Block,
}

#[derive(Debug)]
pub(crate) enum Pattern {
    /// Equal to a value.
    Value(Expr),
    /// Everything, under a name if there is one.
    Capture(Option<Name>),
    /// A pattern under a name.
    As(Box<Pattern>, Name),
    Or(Vec<Pattern>),
    /// Items; at most one is the rest.
    Sequence(Vec<Pattern>),
    /// The rest of a sequence.
    Rest(Option<Name>),
    /// `Class(positional…, name=…)`.
    Class {
        class: Expr,
        positional: Vec<Pattern>,
        keywords: Vec<(Name, Pattern)>,
    },
    /// A dict with these keys; the others under a name.
    Mapping {
        items: Vec<(Expr, Pattern)>,
        rest: Option<Name>,
    },
}

#[derive(Debug)]
pub(crate) struct FunctionDef {
    pub(crate) name: Name,
    /// From `def` to the end of the parameters.
    pub(crate) span: Span,
    pub(crate) name_span: Span,
    pub(crate) decorators: Vec<Expr>,
    pub(crate) parameters: Parameters,
    pub(crate) body: Block,
    /// A lambda's value; its body is empty.
    pub(crate) result: Option<Expr>,
    /// Whether `yield` stands in it.
    pub(crate) is_generator: bool,
    /// Names that are assigned in it and not declared global or nonlocal.
    pub(crate) locals: Vec<Name>,
    pub(crate) doc: Option<Name>,
    /// What is said of its result.
    pub(crate) returns: Option<Expr>,
}

#[derive(Debug, Default)]
pub(crate) struct Parameters {
    /// All but `*args` and `**kwargs`, in order.
    pub(crate) named: Vec<Parameter>,
    /// How many of `named` take no keyword.
    pub(crate) positional_only: usize,
    /// How many of `named` may be given by position.
    pub(crate) positional: usize,
    pub(crate) args: Option<Name>,
    pub(crate) kwargs: Option<Name>,
}

#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: Name,
    pub(crate) annotation: Option<Expr>,
    pub(crate) default: Option<Expr>,
}

#[derive(Debug)]
pub(crate) struct ClassDef {
    pub(crate) name: Name,
    pub(crate) name_span: Span,
    pub(crate) decorators: Vec<Expr>,
    pub(crate) bases: Vec<Arg>,
    pub(crate) doc: Option<Name>,
    pub(crate) body: Block,
}

#[derive(Debug)]
pub(crate) struct Expr {
    pub(crate) span: Span,
    pub(crate) kind: ExprKind,
}

#[derive(Debug)]
pub(crate) enum ExprKind {
    None,
    Ellipsis,
    Bool(bool),
    Int(i64),
    /// An integer beyond 64 bits, as it is written.
    BigInt(Name),
    Float(f64),
    Str(Name),
    Bytes(Rc<[u8]>),
    FString(Vec<FPart>),
    Name(Name),
    Attribute {
        value: Box<Expr>,
        name: Name,
        name_span: Span,
    },
    Subscript {
        value: Box<Expr>,
        index: Box<Expr>,
    },
    Slice {
        start: Option<Box<Expr>>,
        stop: Option<Box<Expr>>,
        step: Option<Box<Expr>>,
    },
    Call {
        function: Box<Expr>,
        args: Vec<Arg>,
    },
    Unary(UnaryOp, Box<Expr>),
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Compare {
        first: Box<Expr>,
        rest: Vec<(CompareOp, Expr)>,
    },
    /// `body if test else orelse`.
    If {
        test: Box<Expr>,
        body: Box<Expr>,
        orelse: Box<Expr>,
    },
    Lambda(Rc<FunctionDef>),
    List(Vec<Expr>),
    Tuple(Vec<Expr>),
    Set(Vec<Expr>),
    /// A pair without a key is `**mapping`.
    Dict(Vec<(Option<Expr>, Expr)>),
    Comprehension(Rc<Comprehension>),
    Starred(Box<Expr>),
    /// `name := value`.
    Named(Name, Box<Expr>),
    Yield(Option<Box<Expr>>),
    YieldFrom(Box<Expr>),
    Unsupported(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Collected {
    List,
    Set,
    Dict,
    Generator,
}

#[derive(Debug)]
pub(crate) struct Comprehension {
    pub(crate) into: Collected,
    /// The key of a dict.
    pub(crate) key: Option<Expr>,
    pub(crate) element: Expr,
    pub(crate) clauses: Vec<Clause>,
}

/// `for target in iter if … if …`.
#[derive(Debug)]
pub(crate) struct Clause {
    pub(crate) target: Expr,
    pub(crate) iter: Expr,
    pub(crate) conditions: Vec<Expr>,
}

/// An argument of a call, or a base of a class.
#[derive(Debug)]
pub(crate) struct Arg {
    pub(crate) span: Span,
    pub(crate) kind: ArgKind,
    pub(crate) value: Expr,
}

#[derive(Debug)]
pub(crate) enum ArgKind {
    Positional,
    /// `*value`.
    Star,
    Keyword(Name),
    /// `**value`.
    DoubleStar,
}

#[derive(Debug)]
pub(crate) enum FPart {
    Text(Name),
    Value { value: Expr, conversion: Option<char>, format: Vec<FPart> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnaryOp {
    Not,
    Negative,
    Positive,
    Invert,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BinaryOp {
    Add,
    Sub,
    Mul,
    MatMul,
    Div,
    FloorDiv,
    Mod,
    Pow,
    LeftShift,
    RightShift,
    And,
    Or,
    Xor,
}

impl BinaryOp {
    /// As it is written.
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::MatMul => "@",
            Self::Div => "/",
            Self::FloorDiv => "//",
            Self::Mod => "%",
            Self::Pow => "**",
            Self::LeftShift => "<<",
            Self::RightShift => ">>",
            Self::And => "&",
            Self::Or => "|",
            Self::Xor => "^",
        }
    }

    /// The special method's name without underscores: `add`.
    pub(crate) fn method(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Mul => "mul",
            Self::MatMul => "matmul",
            Self::Div => "truediv",
            Self::FloorDiv => "floordiv",
            Self::Mod => "mod",
            Self::Pow => "pow",
            Self::LeftShift => "lshift",
            Self::RightShift => "rshift",
            Self::And => "and",
            Self::Or => "or",
            Self::Xor => "xor",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CompareOp {
    Eq,
    NotEq,
    Less,
    LessEq,
    Greater,
    GreaterEq,
    Is,
    IsNot,
    In,
    NotIn,
}

impl CompareOp {
    /// As it is written.
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Self::Eq => "==",
            Self::NotEq => "!=",
            Self::Less => "<",
            Self::LessEq => "<=",
            Self::Greater => ">",
            Self::GreaterEq => ">=",
            Self::Is => "is",
            Self::IsNot => "is not",
            Self::In => "in",
            Self::NotIn => "not in",
        }
    }
}
